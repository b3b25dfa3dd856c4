"""Writes to public summaries: counted here, worded and released by a person, withdrawn by one."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from benchmarks.choices import CycleStatus, RemediationStatus, VerdictChoice
from benchmarks.engine.anonymity import Area, Counted, summary
from benchmarks.engine.values import Finding
from benchmarks.models import ChallengeRun, Program, PublicSummary, Scenario
from benchmarks.panels.programs import UNNAMED, findings_by_area
from catalog.actions import require
from catalog.digests import digest
from catalog.errors import Conflict
from catalog.transactions import write_block

PERMISSION = "benchmarks.publish_summary"
REFUSAL = "Only reviewers release a summary to people outside."
TITLE = "Challenge program"
#: Scenarios that name no area, or one that the program does not declare.
OTHERS = "No declared area"
LONGEST_NAME = 80


def area_words(program: Program) -> list[str]:
    """What the areas are called outside until somebody releases other words."""
    return [f"Risk area {number}" for number in range(1, len(program.risk_areas) + 1)]


def draft(program: Program, *, title: str = TITLE, areas: Iterable[str] = ()) -> dict[str, Any]:
    """The summary as it would be released now, by these words and no other text of the project."""
    words = list(areas) or area_words(program)
    if len(words) != len(program.risk_areas):
        raise ValidationError("The risk areas have changed. Look at the summary again.")
    return summary(_counted(program, title, dict(zip(program.area_names, words, strict=True))))


def seen(program: Program) -> str:
    """Names the numbers that a person has before them, whatever the words."""
    return digest(draft(program))


def publish(
    program: Program, *, title: str, areas: Iterable[str], numbers: str, by: Any, reason: str
) -> PublicSummary:
    """Release the summary under the given words; `numbers` is what `seen` said beforehand."""
    require(by, PERMISSION, program, REFUSAL)
    if by.pk == program.owner_id:
        raise PermissionDenied("Whoever owns a program does not release its summary.")
    words = [each.strip() for each in areas]
    _refuse_words([title.strip(), *words])
    with write_block():
        program = Program.objects.select_for_update(of=("self",)).get(pk=program.pk)
        if numbers != seen(program):
            raise Conflict("The numbers have changed since you looked. Read them again.")
        content = draft(program, title=title.strip(), areas=words)
        row = PublicSummary(
            program=program, content=content, digest=digest(content), reason=reason
        )
        return row.record(by=by, reason=reason)


def withdraw(row: PublicSummary, *, by: Any, reason: str) -> PublicSummary:
    """End the release; what was downloaded before is out of reach."""
    require(by, PERMISSION, row, REFUSAL)
    if not reason.strip():
        raise ValidationError({"reason": "Say why the summary is withdrawn."})
    with write_block():
        row = PublicSummary.objects.select_for_update(of=("self",)).get(pk=row.pk)
        if row.withdrawn_at is not None:
            raise Conflict("The summary is withdrawn already.")
        row.withdrawn_at, row.withdrawn_by, row.withdrawal_reason = timezone.now(), by, reason
        return row.record(by=by, reason=reason)


def _refuse_words(words: list[str]) -> None:
    if not all(words) or any(len(each) > LONGEST_NAME for each in words):
        raise ValidationError(
            f"Give the summary and every area a name of at most {LONGEST_NAME} characters."
        )
    if len({*words[1:], OTHERS}) < len(words):
        raise ValidationError("Two areas have the same name.")


# -- counting ---------------------------------------------------------------------------------


def _counted(program: Program, title: str, words: Mapping[str, str]) -> Counted:
    judged = ChallengeRun.objects.filter(suite__program=program).evaluated()
    return Counted(
        title=title,
        areas=_areas(program, words),
        cadence=program.cadence_in_words() if program.cadence_unit else "",
        turns=_by_label(CycleStatus, program.cycles.values_list("status", flat=True)),
        weaknesses=_by_label(
            RemediationStatus, program.remediations.values_list("status", flat=True)
        ),
        verdicts=_by_label(VerdictChoice, judged.values_list("verdict", flat=True)),
    )


def _by_label(choices: Any, values: Iterable[str]) -> dict[str, int]:
    """Every value of the closed list with its count, by the list's own words."""
    counts = Counter(values)
    return {choice.label: counts[choice.value] for choice in choices}


def _areas(program: Program, words: Mapping[str, str]) -> list[Area]:
    findings: dict[str, list[Finding]] = {}
    for run in _newest_of_each_suite(program):
        for area, finding in findings_by_area(run):
            findings.setdefault(area, []).append(Finding(finding))
    scenarios = Scenario.objects.filter(suites__program=program).order_by().distinct()
    counts = Counter(area or UNNAMED for _, area in scenarios.values_list("pk", "risk_area"))
    others = (counts.keys() | findings.keys()) - words.keys()
    declared = [Area(word, counts[name], findings.get(name, [])) for name, word in words.items()]
    if not others:
        return declared
    rest = [finding for name in sorted(others) for finding in findings.get(name, [])]
    return [*declared, Area(OTHERS, sum(counts[name] for name in others), rest, declared=False)]


def _newest_of_each_suite(program: Program) -> list[ChallengeRun]:
    rows = ChallengeRun.objects.filter(suite__program=program).evaluated()
    newest = rows.order_by("suite", "-created_at", "-pk").values_list("suite", "pk")
    keys = dict(reversed(list(newest))).values()
    return list(ChallengeRun.objects.filter(pk__in=keys).select_related("comparison"))
