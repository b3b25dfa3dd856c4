"""The failure case's life as one table: from which status to which, and what the move asks for."""

from dataclasses import dataclass

from catalog.choices import FailureStatus as S


@dataclass(frozen=True)
class Move:
    """A legal step: the permission it needs, and whether it needs a reason in words."""

    permission: str
    reason: bool = True
    label: str = ""


_CURATE = "catalog.curate_failurecase"
_VERIFY = "catalog.verify_failurecase"
_ACCEPT = "catalog.accept_risk"

MOVES: dict[tuple[S, S], Move] = {
    (S.CANDIDATE, S.TRIAGED): Move(_CURATE, reason=False, label="Triage"),
    (S.TRIAGED, S.ANNOTATED): Move(_CURATE, reason=False, label="Annotate"),
    (S.ANNOTATED, S.VERIFIED): Move(_VERIFY, label="Verify"),
    (S.ANNOTATED, S.TRIAGED): Move(_VERIFY, label="Send back"),
    (S.VERIFIED, S.IN_REMEDIATION): Move(_CURATE, label="Start remediation"),
    (S.REGRESSED, S.IN_REMEDIATION): Move(_CURATE, label="Start remediation"),
    (S.VERIFIED, S.RISK_ACCEPTED): Move(_ACCEPT, label="Accept the risk"),
    (S.IN_REMEDIATION, S.RISK_ACCEPTED): Move(_ACCEPT, label="Accept the risk"),
    (S.RISK_ACCEPTED, S.VERIFIED): Move(_ACCEPT, label="End the acceptance"),
    (S.IN_REMEDIATION, S.FIXED): Move(_CURATE, label="Mark as fixed"),
    (S.FIXED, S.REGRESSED): Move(_CURATE, label="It came back"),
    **{
        (status, S.REJECTED): Move(_CURATE, label="Reject")
        for status in (S.CANDIDATE, S.TRIAGED, S.ANNOTATED)
    },
    **{
        (status, S.DUPLICATE): Move(_CURATE, label="Mark as duplicate")
        for status in (S.CANDIDATE, S.TRIAGED, S.ANNOTATED)
    },
    (S.REJECTED, S.CANDIDATE): Move(_CURATE, label="Reopen"),
    (S.DUPLICATE, S.CANDIDATE): Move(_CURATE, label="Reopen"),
}

#: Statuses in which a case still asks for somebody's work.
OPEN = frozenset({S.CANDIDATE, S.TRIAGED, S.ANNOTATED, S.VERIFIED, S.IN_REMEDIATION, S.REGRESSED})
#: Open cases that have been shown to be real: these hold up a rollout.
CONFIRMED_OPEN = frozenset({S.VERIFIED, S.IN_REMEDIATION, S.REGRESSED})


def moves_from(status: str) -> dict[S, Move]:
    return {target: move for (source, target), move in MOVES.items() if source == status}
