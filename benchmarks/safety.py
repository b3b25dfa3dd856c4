"""A scenario's safety net beside the answers of one part: what it caught, what that is worth."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import plans
from benchmarks.engine import net_checks, nets
from benchmarks.engine.amending import Amendments, amended
from benchmarks.engine.nets import ALERT, FALLBACK, METRIC_KEYS
from benchmarks.engine.perturbations import Perturbed
from catalog.choices import Task
from catalog.models import DatasetVersion

#: What a fallback decided, beside the model's own decision.
INSTEAD = "net_instead"
NO_DECISION = "A guardrail or fallback is scored by right and wrong decisions between two classes."


@dataclass(frozen=True)
class Watch:
    """A net at work on one part; `held` is None where it catches no single rows."""

    net: dict[str, Any]
    held: np.ndarray | None = None
    asked: pd.DataFrame | None = None
    rung: dict[str, Any] | None = None

    @property
    def columns(self) -> frozenset[str]:
        """What a net reads that criteria judge; an alert leaves the model's findings alone."""
        return frozenset() if self.held is None else net_checks.columns_of(self.net)

    @property
    def metric_keys(self) -> tuple[str, ...]:
        """What is measured besides the suite's metrics."""
        return () if self.held is None else METRIC_KEYS

    def report(
        self, scored: pd.DataFrame, corrections: Amendments, *, seed: int
    ) -> dict[str, Any]:
        """What the part keeps, or why nothing could be scored; empty without a net.

        `scored` holds every row that was asked, in that order; the corrections come last.
        """
        if not self.net:
            return {}
        if self.rung is not None:
            return {"kind": ALERT, **self.rung}
        if self.held is None or self.asked is None:
            return {"kind": self.net["kind"], "silence": NO_DECISION}
        if self.net["kind"] == FALLBACK:
            decided = scored["prediction"].to_numpy(dtype=np.float64)
            instead = nets.answered(self.asked, self.net, self.held, decided)
            scored = scored.assign(**{INSTEAD: instead})
        judged = amended(scored, corrections)
        answered = judged[INSTEAD].to_numpy() if INSTEAD in judged else None
        return {"kind": self.net["kind"], **asdict(nets.caught_of(judged, answered, seed=seed))}


def watch(
    scenario: Mapping[str, Any],
    version: DatasetVersion,
    original: pd.DataFrame,
    asked: Perturbed,
    scores: np.ndarray,
    task: str,
) -> Watch:
    """Raises NetError where the data are not such as the net reads."""
    net = plans.safety_net(scenario)
    if not net:
        return Watch({})
    if net["kind"] == ALERT:
        return Watch(net, rung=asdict(_rung(net, scenario, version, original, asked)))
    if task != Task.BINARY:
        return Watch(net)
    return Watch(net, nets.held(asked.frame, net, scores), asked.frame)


def _rung(
    net: Mapping[str, Any],
    scenario: Mapping[str, Any],
    version: DatasetVersion,
    original: pd.DataFrame,
    asked: Perturbed,
) -> nets.Rung:
    """Windows follow the data's own time; without one, the order in which the rows stand."""
    times = original.get(version.time_column)
    calm = nets.rings(_in_order(original, times), net)
    disturbed = None
    if scenario["perturbation"]:
        disturbed = nets.rings(_in_order(asked.frame, times), net)
    return nets.rung_of(disturbed, calm, net["window"])


def _in_order(frame: pd.DataFrame, times: pd.Series | None) -> pd.DataFrame:
    if times is None:
        return frame
    when = times.loc[frame.index].reset_index(drop=True)
    return frame.iloc[when.sort_values(kind="stable").index]
