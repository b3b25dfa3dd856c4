"""Repeats of one scenario: how many of them have to pass, and what that makes of the whole."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.engine.values import Finding, Reason, Repeated

#: A repeat that ended so says nothing; the first that occurs speaks for a group of nothing else.
_SILENT = (Finding.ERRORED, Finding.MISSING, Finding.SKIPPED, Finding.NOT_USED)
_REASONS = {
    Finding.PASS: Reason.NONE,
    Finding.FAIL: Reason.TOO_FEW_PASSED,
    Finding.INCONCLUSIVE: Reason.REPEATS_OPEN,
    Finding.ERRORED: Reason.ERRORED,
    Finding.MISSING: Reason.MISSING,
    Finding.SKIPPED: Reason.SKIPPED,
    Finding.NOT_USED: Reason.NOT_USED,
}


def repeated(key: str, findings: Sequence[Finding], must_pass: int) -> Repeated:
    finding = k_of_n(findings, must_pass)
    return Repeated(
        key=key,
        finding=finding,
        reason=_REASONS[finding],
        passed=findings.count(Finding.PASS),
        failed=findings.count(Finding.FAIL),
        repeats=len(findings),
        must_pass=must_pass,
    )


def k_of_n(findings: Sequence[Finding], must_pass: int) -> Finding:
    """Pass once enough repeats pass, fail once enough no longer can, otherwise undecided.

    A repeat without evidence counts as one that might have gone either way; where all of them
    are without, so is the whole.
    """
    if findings.count(Finding.PASS) >= must_pass:
        return Finding.PASS
    if len(findings) - findings.count(Finding.FAIL) < must_pass:
        return Finding.FAIL
    if set(findings) <= set(_SILENT):
        return next((silent for silent in _SILENT if silent in findings), Finding.MISSING)
    return Finding.INCONCLUSIVE
