"""The gates of one stage, each with its verdict, its figure, its evidence and its past looks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benchmarks.engine.metrics import METRICS
from benchmarks.engine.values import Direction
from benchmarks.models import Comparison
from catalog.models import Project
from catalog.pages import address
from rollouts import gates
from rollouts.choices import GateKind, GateVerdict, StageStatus
from rollouts.models import Gate, GateCheck, Stage, Waiver


@dataclass(frozen=True)
class Card:
    """One gate as the page shows it. Without a look there is no verdict, least of all a pass."""

    gate: Gate
    check: GateCheck | None
    looks: tuple[GateCheck, ...]
    waivers: tuple[Waiver, ...]
    rule: str
    sample: str
    links: tuple[tuple[str, str], ...]
    may_waive: bool = False

    @property
    def state(self) -> str:
        return self.check.verdict if self.check else "waiting"

    @property
    def label(self) -> str:
        return self.check.get_verdict_display() if self.check else "Not looked at"

    @property
    def reason(self) -> str:
        return found(self.check) if self.check else "Nobody is exposed to this stage yet."

    @property
    def has_interval(self) -> bool:
        return bool(self.check and self.gate.metric and self.check.value is not None)

    @property
    def has_figure(self) -> bool:
        return self.has_interval or self.is_share

    @property
    def is_share(self) -> bool:
        """Whether the value is an amount of something required, such as hours of watching."""
        return bool(self.check and self.check.threshold and self.gate.kind == GateKind.SOAK_TIME)

    @property
    def higher(self) -> bool:
        return _higher(self.gate)

    @property
    def points(self) -> list[dict[str, Any]]:
        """The looks at data, oldest first and evenly spaced, as the data's calendar has gaps."""
        watched = [look for look in self.looks if look.observed_until] or self.looks
        return [
            {
                "at": place,
                "value": look.value,
                "low": look.low,
                "high": look.high,
                "label": f"{_time_of(look):%-d %b %Y}",
            }
            for place, look in enumerate(reversed(watched), start=1)
        ]

    @property
    def has_trend(self) -> bool:
        return sum(look.value is not None for look in self.looks) > 1


def found(check: GateCheck) -> str:
    """What was really found; under a waiver, whose own words stand beside it, that alone."""
    words = check.reason
    if check.verdict == GateVerdict.WAIVED:
        words = words.partition(" Found: ")[2] or words
    metric = METRICS.get(check.gate.metric)
    return words.replace(metric.key, metric.label, 1) if metric else words


def cards(stage: Stage, project: Project, *, now: datetime, may_waive: bool) -> list[Card]:
    """Every gate of a stage in its order; the number of queries does not depend on how many."""
    rows = stage.gates.select_related("suite").prefetch_related("checks", "waivers__created_by")
    ordered = list(rows.order_by("position"))
    compared = _comparisons(check for gate in ordered for check in gate.checks.all())
    return [_card(gate, stage, project, compared, now, may_waive) for gate in ordered]


def verdict(shown: Sequence[Card]) -> str:
    """The worst of a stage's gates that were looked at, the question to people left out."""
    asked = [card for card in shown if card.gate.kind != GateKind.APPROVAL]
    return str(gates.overall(card.check.verdict for card in asked if card.check))


def tally(shown: Sequence[Card]) -> str:
    """How many gates are met, by word; an unseen gate counts as what it is."""
    counts: dict[str, int] = {}
    for card in shown:
        counts[card.label.lower()] = counts.get(card.label.lower(), 0) + 1
    return ", ".join(f"{count} {word}" for word, count in counts.items())


def _card(
    gate: Gate,
    stage: Stage,
    project: Project,
    compared: dict[int, int],
    now: datetime,
    may_waive: bool,
) -> Card:
    looks = tuple(gate.checks.all())  # newest first
    check = looks[0] if looks else None
    return Card(
        gate=gate,
        check=check,
        looks=looks,
        waivers=tuple(gate.waivers.all()),
        rule=rule_of(gate, stage),
        sample=_sample(gate, stage, check),
        links=tuple(_links(gate, stage, check, project, compared)),
        may_waive=may_waive and _is_waivable(gate, check, stage, now),
    )


def _is_waivable(gate: Gate, check: GateCheck | None, stage: Stage, now: datetime) -> bool:
    """A gate that stands in the way and is not the question to people or the stop itself."""
    if gate.kind == GateKind.APPROVAL or gate.stop_loss or check is None:
        return False
    standing = any(waiver.expires_at > now for waiver in gate.waivers.all())
    at_work = stage.status in {StageStatus.OBSERVING, StageStatus.SIGNING, StageStatus.HELD}
    return at_work and not standing and check.verdict != GateVerdict.PASS


def rule_of(gate: Gate, stage: Stage) -> str:
    """The gate's rule in a sentence."""
    match gate.kind:
        case GateKind.SOAK_TIME:
            return f"Watched for at least {stage.soak_hours} hours."
        case GateKind.FAILURE_CASES:
            level = gate.get_severity_display().lower()
            return f"No open failure case of severity {level} or above."
        case GateKind.APPROVAL:
            return "Every function asked signs the same evidence."
    suite = gate.suite.title if gate.suite else "no suite"
    if not gate.metric:
        return f"The newest run of {suite} passed."
    where = "" if gate.slice in {"", "all"} else f" on “{gate.slice}”"
    limit = f"{gate.margin:g} worse than the fallback"
    name = METRICS[gate.metric].label if gate.metric in METRICS else gate.metric
    if gate.stop_loss:
        return f"Rolls back by itself once {name}{where} is proven more than {limit}."
    return f"{name}{where} is proven no more than {limit}."


def _higher(gate: Gate) -> bool:
    metric = METRICS.get(gate.metric)
    return metric is None or metric.direction == Direction.HIGHER_IS_BETTER


def _sample(gate: Gate, stage: Stage, check: GateCheck | None) -> str:
    if check is None or check.n is None or gate.kind != GateKind.EVIDENCE:
        return ""
    if gate.stop_loss:
        return f"{check.n:,} items"
    return f"{check.n:,} of at least {stage.minimum_sample:,} items"


def _links(
    gate: Gate,
    stage: Stage,
    check: GateCheck | None,
    project: Project,
    compared: dict[int, int],
) -> Iterable[tuple[str, str]]:
    if gate.kind == GateKind.FAILURE_CASES:
        cases = address("failure-list", project)
        yield "Open failure cases", f"{cases}?model={stage.plan.model_id}&status=open"
    if gate.kind == GateKind.APPROVAL:
        yield "Sign-off", "#sign-off"
    runs = _run_ids(check)
    if not runs:
        return
    newest = runs[-1]
    if newest in compared:
        yield "Comparison", address("comparison-detail", project, pk=compared[newest])
    yield f"Run {newest}", address("run-detail", project, pk=newest)
    if len(runs) > 1:
        yield f"{len(runs) - 1} earlier", f"{address('run-list', project)}?suite={gate.suite_id}"


def _comparisons(checks: Iterable[GateCheck]) -> dict[int, int]:
    """Run → its comparison, for everything that any of these looks saw."""
    runs = {run for check in checks for run in _run_ids(check)}
    return dict(Comparison.objects.filter(run__in=runs).values_list("run", "pk"))


def _run_ids(check: GateCheck | None) -> list[int]:
    seen = check.evidence if check else []
    return [row["id"] for row in seen if row["kind"] == "challenge_run"]


def _time_of(check: GateCheck) -> datetime:
    return check.observed_until or check.checked_at
