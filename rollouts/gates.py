"""What one look at a gate finds: rule and evidence in, verdict with its reason out. Pure.

Absence of proof never passes: whatever is missing, too little or undecided has a verdict of its
own, and `PRECEDENCE` is the one table that says which verdict outweighs which.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import inf

from rollouts.choices import GateKind, GateOutcome, RequestStatus
from rollouts.choices import GateVerdict as V

#: Part of every signed bundle: signatures do not survive a change of these rules.
RULES_VERSION = "1"

#: From the worst to the best; the first one present is the verdict of the whole.
PRECEDENCE = (
    V.STOP,
    V.ERROR,
    V.FAIL,
    V.NO_DATA,
    V.STALE,
    V.INCONCLUSIVE,
    V.MARGINAL,
    V.PENDING,
    V.WAIVED,
    V.PASS,
)

OUTCOMES = dict.fromkeys(PRECEDENCE, GateOutcome.UNMET) | {
    V.PENDING: GateOutcome.PENDING,
    V.WAIVED: GateOutcome.WAIVED,
    V.PASS: GateOutcome.MET,
}

SEVERITIES = ("low", "medium", "high", "critical")


@dataclass(frozen=True)
class GateRule:
    """The frozen definition of a gate; `margin` is the worsening that is still acceptable."""

    kind: str
    suite: str = ""
    metric: str = ""
    label: str = ""  # the metric in words
    slice: str = "all"
    direction: str = "higher"
    margin: float | None = None
    stop_loss: bool = False
    severity: str = ""
    minimum_sample: int = 0
    soak_hours: int = 0


@dataclass(frozen=True)
class MetricEffect:
    """Candidate minus fallback on one slice of one scenario; a missing end is unbounded."""

    difference: float | None
    low: float | None
    high: float | None
    n: int
    reason: str = ""
    scenario: str = ""
    against_fallback: bool = True

    @property
    def has_interval(self) -> bool:
        return self.low is not None or self.high is not None

    def worsening(self, direction: str) -> tuple[float, float]:
        """The interval turned so that more is worse."""
        low = -inf if self.low is None else self.low
        high = inf if self.high is None else self.high
        return (-high, -low) if direction == "higher" else (low, high)

    def worse_by(self, direction: str) -> float | None:
        if self.difference is None:
            return None
        return -self.difference if direction == "higher" else self.difference


@dataclass(frozen=True)
class Evidence:
    """What is known when a gate is looked at; the defaults mean that nothing is known."""

    run: int | None = None
    run_verdict: str = ""
    run_reasons: tuple[str, ...] = ()
    in_progress: bool = False
    error: str = ""
    stale: bool = False
    #: Of the newest run; a stop-loss gets those of every run of the stage.
    effects: tuple[MetricEffect, ...] = ()
    observed_hours: float | None = None
    confirmed_cases: Mapping[str, int] = field(default_factory=dict)
    unverified_cases: Mapping[str, int] = field(default_factory=dict)
    request_status: str = ""


@dataclass(frozen=True)
class Ruling:
    verdict: V
    reason: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    n: int | None = None

    @property
    def outcome(self) -> GateOutcome:
        return OUTCOMES[self.verdict]


def overall(verdicts: Iterable[str]) -> V:
    """The worst of them; of no gate at all nothing can be said, least of all that it passed."""
    present = set(verdicts)
    return next((verdict for verdict in PRECEDENCE if verdict in present), V.NO_DATA)


def is_met(verdict: str) -> bool:
    return verdict in {V.PASS, V.WAIVED}


def rule(gate: GateRule, evidence: Evidence) -> Ruling:
    """Put the evidence to the gate."""
    if gate.kind == GateKind.EVIDENCE and gate.stop_loss:
        return rule_stop_loss(gate, evidence)
    if gate.kind == GateKind.EVIDENCE and gate.metric:
        return rule_metric(gate, evidence)
    return _RULES[gate.kind](gate, evidence)


def rule_suite(gate: GateRule, evidence: Evidence) -> Ruling:
    """The newest finished run of the suite has to have passed."""
    if missing := _without_run(gate, evidence):
        return missing
    why = " ".join(evidence.run_reasons[:2])
    match evidence.run_verdict:
        case "pass":
            return Ruling(V.PASS, f"Run {evidence.run} of {gate.suite} passed.")
        case "fail":
            return Ruling(V.FAIL, f"Run {evidence.run} of {gate.suite} failed. {why}".strip())
    return Ruling(
        V.INCONCLUSIVE, f"Run {evidence.run} of {gate.suite} is inconclusive. {why}".strip()
    )


def rule_metric(gate: GateRule, evidence: Evidence) -> Ruling:
    """Non-inferiority: the whole interval has to stay inside the allowed worsening."""
    if missing := _without_run(gate, evidence):
        return missing
    if not evidence.effects:
        return Ruling(
            V.NO_DATA, f"Run {evidence.run} holds no {gate.metric} on slice “{gate.slice}”."
        )
    return _worst(_rule_effect(gate, effect) for effect in evidence.effects)


def rule_stop_loss(gate: GateRule, evidence: Evidence) -> Ruling:
    """Trips when the worsening is proven to exceed the margin, at whichever look proved it.

    A proven stop counts even if a later run errored: what was shown stays shown.
    """
    rulings = [_rule_stop(gate, effect) for effect in evidence.effects]
    tripped = [ruling for ruling in rulings if ruling.verdict == V.STOP]
    if tripped:
        return tripped[0]
    if missing := _without_run(gate, evidence):
        return missing
    if not rulings:
        return Ruling(
            V.NO_DATA, f"Run {evidence.run} holds no {gate.metric} on slice “{gate.slice}”."
        )
    return _worst(rulings)


def rule_soak(gate: GateRule, evidence: Evidence) -> Ruling:
    required = float(gate.soak_hours)
    if evidence.observed_hours is None:
        return Ruling(
            V.NO_DATA, "The observed data do not say which time they cover.", threshold=required
        )
    hours = evidence.observed_hours
    sentence = f"Observed for {_number(hours)} of {gate.soak_hours} hours"
    if hours < required:
        return Ruling(V.PENDING, f"{sentence}.", value=hours, threshold=required)
    return Ruling(V.PASS, f"{sentence}, as required.", value=hours, threshold=required)


def rule_failure_cases(gate: GateRule, evidence: Evidence) -> Ruling:
    """No confirmed failure at or above the severity may be open, and none may be unexamined."""
    confirmed = _at_or_above(gate.severity, evidence.confirmed_cases)
    unverified = _at_or_above(gate.severity, evidence.unverified_cases)
    level = f"severity {gate.severity} or above"
    if confirmed:
        return Ruling(
            V.FAIL,
            f"{_cases(confirmed)} of {level} confirmed and open.",
            float(confirmed),
            n=confirmed,
        )
    if unverified:
        return Ruling(
            V.INCONCLUSIVE, f"{_cases(unverified)} of {level} not yet verified.", 0.0, n=unverified
        )
    return Ruling(V.PASS, f"No open failure case of {level}.", value=0.0, n=0)


def rule_approval(gate: GateRule, evidence: Evidence) -> Ruling:
    match evidence.request_status:
        case RequestStatus.APPROVED | RequestStatus.APPLIED:
            return Ruling(V.PASS, "Every function has signed.")
        case RequestStatus.OPEN:
            return Ruling(V.PENDING, "Waiting for signatures.")
        case RequestStatus.REJECTED | RequestStatus.CHANGES_REQUESTED:
            return Ruling(V.FAIL, "A reviewer did not sign.")
    return Ruling(V.PENDING, "Sign-off opens when every other gate is met.")


_RULES: dict[str, Callable[[GateRule, Evidence], Ruling]] = {
    GateKind.EVIDENCE: rule_suite,
    GateKind.SOAK_TIME: rule_soak,
    GateKind.FAILURE_CASES: rule_failure_cases,
    GateKind.APPROVAL: rule_approval,
}


def _without_run(gate: GateRule, evidence: Evidence) -> Ruling | None:
    """The verdict when there is no finished run to rule on."""
    if evidence.error:
        return Ruling(
            V.ERROR, f"Run {evidence.run} of {gate.suite} ended in an error: {evidence.error}"
        )
    if evidence.run_verdict:
        return None
    if evidence.in_progress:
        return Ruling(V.PENDING, f"A run of {gate.suite} is in progress.")
    if evidence.stale:
        return Ruling(V.STALE, f"The runs of {gate.suite} are older than the stage.")
    return Ruling(V.NO_DATA, f"The candidate has no run of {gate.suite}.")


def _rule_effect(gate: GateRule, effect: MetricEffect) -> Ruling:
    if effect.n < gate.minimum_sample:
        return _ruling(
            gate, effect, V.PENDING, f"{effect.n} of at least {gate.minimum_sample} items."
        )
    if unusable := _unusable(gate, effect):
        return unusable
    margin = gate.margin or 0.0
    low, high = effect.worsening(gate.direction)
    if high <= margin:
        return _ruling(gate, effect, V.PASS, "the whole interval is within it.")
    if low > margin:
        return _ruling(gate, effect, V.FAIL, "the whole interval is beyond it.")
    point = effect.worse_by(gate.direction)
    if point is not None and point <= margin:
        return _ruling(gate, effect, V.MARGINAL, "likely within it, but not proven.")
    return _ruling(gate, effect, V.INCONCLUSIVE, "likely beyond it, but not proven.")


def _rule_stop(gate: GateRule, effect: MetricEffect) -> Ruling:
    if unusable := _unusable(gate, effect):
        return unusable
    low, _high = effect.worsening(gate.direction)
    if low > (gate.margin or 0.0):
        return _ruling(gate, effect, V.STOP, "proven to be beyond it: stop.")
    return _ruling(gate, effect, V.PASS, "not tripped.")


def _unusable(gate: GateRule, effect: MetricEffect) -> Ruling | None:
    """The verdict on an effect that cannot be put to a limit at all."""
    if not effect.against_fallback:
        return _ruling(gate, effect, V.INCONCLUSIVE, "not compared with the fallback.")
    if effect.reason == "too_few" and not effect.has_interval:
        return _ruling(gate, effect, V.PENDING, "too few items to say anything yet.")
    if effect.difference is None or not effect.has_interval:
        return _ruling(gate, effect, V.NO_DATA, f"undefined ({effect.reason or 'no interval'}).")
    return None


def _ruling(gate: GateRule, effect: MetricEffect, verdict: V, ending: str) -> Ruling:
    """A ruling on one effect; the threshold has the sign of a difference, as the value has."""
    margin = gate.margin or 0.0
    name = gate.label or gate.metric
    where = name if gate.slice == "all" else f"{name} on “{gate.slice}”"
    under = f" under {effect.scenario}" if effect.scenario else ""
    if effect.difference is None:
        reason = f"{where}{under}: {ending}"
    else:
        reason = (
            f"{where}{under} differs by {_end(effect.difference)}"
            f" [{_end(effect.low)}, {_end(effect.high)}] from the fallback;"
            f" a worsening of {_number(margin)} is allowed: {ending}"
        )
    return Ruling(
        verdict,
        reason,
        value=effect.difference,
        low=effect.low,
        high=effect.high,
        threshold=-margin if gate.direction == "higher" else margin,
        n=effect.n,
    )


def _worst(rulings: Iterable[Ruling]) -> Ruling:
    return min(rulings, key=lambda ruling: PRECEDENCE.index(ruling.verdict))


def _at_or_above(severity: str, cases: Mapping[str, int]) -> int:
    return sum(cases.get(level, 0) for level in SEVERITIES[SEVERITIES.index(severity) :])


def _cases(count: int) -> str:
    return "1 failure case" if count == 1 else f"{count} failure cases"


def _end(value: float | None) -> str:
    return "unbounded" if value is None else f"{value:+.4g}".replace("-", "−")


def _number(value: float) -> str:
    return f"{value:.4g}"
