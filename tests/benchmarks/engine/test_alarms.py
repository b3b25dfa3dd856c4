"""Concordance alarms: heard for many small changes together, quiet about chance."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.engine.alarms import GROUPS, concord
from benchmarks.engine.judge import judge
from benchmarks.engine.metrics import metric_of
from benchmarks.engine.scored import scored
from benchmarks.engine.slices import Slice
from benchmarks.engine.values import Change, ScenarioPlan, ScenarioResult, Verdict

pytestmark = pytest.mark.pure

SLICES = tuple(
    Slice(f"g{value}", f"Group {value}", {"column": "group", "op": "eq", "value": value})
    for value in range(25)
)


def sides(rng, n=3000, extra=0.0, clusters=None):
    """Costs of the same items on both sides, the candidate's higher by `extra` on average."""
    group, shared = rng.integers(0, 25, n), rng.gamma(2.0, 1.0, n)
    frames = [
        pd.DataFrame({"cost": shared + rng.normal(more, 1.0, n), "group": group})
        for more in (0.0, extra)
    ]
    if clusters is not None:
        luck = rng.normal(size=clusters)
        member = np.arange(n) % clusters
        frames[1]["cost"] += luck[member]
        frames = [frame.assign(cluster=member) for frame in frames]
    return frames


def leaning(frames, seed=1):
    slices = {part.key: (frames[0].group == place).to_numpy() for place, part in enumerate(SLICES)}
    before, after = (scored(frame) for frame in frames)
    return concord(before, after, metric_of("mean_cost"), slices, seed=seed, scenario="calm")


def judged(frames):
    plan = ScenarioPlan("calm", (), SLICES, ("mean_cost",))
    results = [{"calm": ScenarioResult("calm", "received", f, "july")} for f in frames]
    return judge([plan], results[1], results[0], seed=3)


def test_concord__dearer_on_every_slice__leans_to_the_worse():
    found = leaning(sides(np.random.default_rng(1), extra=0.12))
    assert found.value < -3
    assert found.p_value < 0.01
    assert found.cells == 25


@pytest.mark.parametrize(("n", "clusters"), [(600, None), (3000, None), (3000, 60)])
def test_concord__without_a_difference__speaks_in_5_percent(n, clusters):
    """With more items than groups, and with whole clusters, as with single items."""
    rng = np.random.default_rng(2)
    assert GROUPS < 3000
    alarms = [
        leaning(sides(rng, n, clusters=clusters), seed).p_value < 0.05 for seed in range(150)
    ]
    assert 0.01 <= np.mean(alarms) <= 0.11


def test_concord__clusters_taken_for_single_items__would_speak_far_too_often():
    rng = np.random.default_rng(2)
    alarms = []
    for seed in range(60):
        frames = [frame.drop(columns="cluster") for frame in sides(rng, 3000, clusters=60)]
        alarms.append(leaning(frames, seed).p_value < 0.05)
    assert np.mean(alarms) > 0.2


def test_concord__few_items_or_another_kind__is_none():
    frames = sides(np.random.default_rng(3), n=15)
    assert leaning(frames) is None
    slices = {part.key: np.ones(15, bool) for part in SLICES}
    before, after = (scored(frame.assign(latency_ms=frame.cost)) for frame in frames)
    found = concord(before, after, metric_of("p95_latency"), slices, seed=1, scenario="calm")
    assert found is None


def test_judge__small_changes_one_way__alarms_and_decides_nothing_by_it():
    judgement = judged(sides(np.random.default_rng(1), extra=0.12))
    [alarm] = judgement.alarms
    assert (alarm.scenario, alarm.metric, alarm.slices) == ("calm", "mean_cost", 25)
    assert alarm.p_adjusted < 0.05
    assert judgement.verdict is Verdict.INCONCLUSIVE
    undecided = [c for c in judgement.scenarios[0].changes if c.change is Change.INCONCLUSIVE]
    assert len(undecided) > 12, "most slices cannot be called alone"


def test_judge__small_changes_for_the_better__are_no_alarm():
    assert judged(sides(np.random.default_rng(1), extra=-0.12)).alarms == ()


def test_judge__repeated_looks__raise_no_alarm():
    frames = sides(np.random.default_rng(1), extra=0.12)
    plan = ScenarioPlan("calm", (), SLICES, ("mean_cost",))
    results = [{"calm": ScenarioResult("calm", "received", f, "july")} for f in frames]
    looked = judge([plan], results[1], results[0], seed=3, sequential=True, planned_n=3000)
    assert looked.alarms == ()
