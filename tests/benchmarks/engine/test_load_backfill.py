"""Backlogs of requests under load: their schedule, what is said of them, and their metrics."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from benchmarks.engine import load_backfill
from benchmarks.engine.effects import compare
from benchmarks.engine.load import LoadProfile, backfill_turns, schedule
from benchmarks.engine.load_backfill import backlog_columns, summarise_backfill
from benchmarks.engine.metrics import estimate
from benchmarks.engine.values import Criterion, Finding, Reason
from benchmarks.engine.verdicts import check_value
from tests.benchmarks.engine.engine_frames import scored_frame

pytestmark = pytest.mark.pure

OUTAGE = LoadProfile(
    rate=50, seconds=10, outage_start=3, outage_seconds=2, backfill_rate=20, backfill_seconds=4
)
METRICS = ("never_answered", "p95_backlog_age", "p95_drain_time")


def drained(profile=OUTAGE, *, lost=0, rejected=0, slow=0.0):
    """What a perfect queue would make of the outage: one after another at the rate.

    The last `lost` never leave the backlog, the last `rejected` were never kept; live requests
    take `slow` ms more while it is drained.
    """
    at = np.arange(round(profile.offered)) / profile.rate
    end = profile.outage_start + profile.outage_seconds
    errored = (at >= profile.outage_start) & (at < end)
    number = np.cumsum(errored) - 1
    is_kept = errored & (number < errored.sum() - rejected)
    filled = is_kept & (number < errored.sum() - rejected - lost)
    left_at = np.where(filled, end + (number + 1) / profile.backfill_rate, np.nan)
    during = (at >= end) & (at < np.nanmax([end, *left_at]))
    return pd.DataFrame(
        {
            "at": at,
            "errored": errored.astype(int),
            "latency_ms": np.where(errored, 1000.0, 10.0 + slow * during),
            "kept_at": np.where(is_kept, at + 0.001, np.nan),
            "left_at": left_at,
            "filled": filled.astype(int),
            "again": is_kept.astype(int),
        }
    )


def measured(requests, profile=OUTAGE):
    """The rows as metrics see them."""
    return pd.concat([requests, backlog_columns(requests, profile)], axis=1)


# -- when who is sent again -------------------------------------------------------------------


def test_turns__a_rate__are_at_even_distances_until_the_time_is_over():
    turns = backfill_turns(OUTAGE)
    assert len(turns) == 20 * 14
    assert np.diff(turns) == pytest.approx(1 / 20)
    assert turns[-1] < OUTAGE.lasts


@given(st.integers(0, 2**31), st.sampled_from([0.0, 0.2, 1.0]))
def test_schedule__backfill_declared__moves_no_request_and_repeats_with_the_seed(seed, share):
    plain = LoadProfile(rate=20, seconds=5, drop_share=share, outage_seconds=1)
    filled = replace(plain, backfill_rate=5, backfill_seconds=5)
    assert schedule(filled, 30, seed) == schedule(filled, 30, seed) == schedule(plain, 30, seed)


def test_schedule__lost_tries__befall_the_backlog_at_the_same_share():
    profile = LoadProfile(rate=200, seconds=50, drop_share=0.2)
    again = np.array([one.lost_again for one in schedule(profile, 10, 1)])
    expected = 10_000 * stats.geom(0.8, loc=-1).pmf(np.arange(3))
    found = [(again == number).sum() for number in range(3)]
    for count, mean in zip(found, expected, strict=True):
        assert stats.binomtest(int(count), 10_000, mean / 10_000).pvalue > 0.001


def test_settings__no_backfill__are_those_from_before_there_was_any():
    assert not {"backfill_rate", "backfill_seconds"} & set(LoadProfile(20, 5).settings())
    assert OUTAGE.settings()["backfill_rate"] == 20
    assert LoadProfile.of(OUTAGE.settings()) == OUTAGE


# -- what is said of it -----------------------------------------------------------------------


def test_summary__drained_after_the_outage__counts_times_and_ages():
    requests = drained()
    found = summarise_backfill(requests, OUTAGE)
    assert (found["kept"], found["backfilled"], found["lost"]) == (100, 100, 0)
    assert found["drain"] == {"seconds": pytest.approx(5.0), "reason": ""}
    age = (requests["left_at"] - requests["at"]).dropna()
    assert found["age"]["p50"]["value"] == pytest.approx(age.median())
    assert found["age"]["p95"]["value"] == pytest.approx(age.quantile(0.95))
    assert found["oldest"] == pytest.approx(age.max())
    low, high = proportion_confint(0, 100, method="wilson")
    assert found["never_answered"] == pytest.approx({"value": 0, "low": low, "high": high})
    waiting = {row["at"]: row["waiting"] for row in found["series"]}
    assert [waiting[at] for at in (0, 3, 4, 5, 7.5, 10)] == [0, 0, 50, 100, 50, 0]
    assert [row["came"] - row["left"] for row in found["series"]] == list(waiting.values())
    assert found["most_waiting"] == 100


def test_summary__time_over_before_it_is_empty__names_no_time_and_counts_the_lost():
    found = summarise_backfill(drained(lost=20), OUTAGE)
    assert (found["backfilled"], found["lost"]) == (80, 20)
    assert found["drain"] == {"seconds": None, "reason": load_backfill.NOT_EMPTY}
    assert found["never_answered"]["value"] == 0.2
    assert found["oldest"] > OUTAGE.lasts - 5
    assert found["series"][-1] == {"at": 14, "came": 100, "left": 80, "waiting": 20}


def test_summary__long_load__keeps_the_moments_few():
    profile = replace(OUTAGE, seconds=120, backfill_seconds=5)
    moments = [
        row["at"] for row in summarise_backfill(drained(profile, lost=1), profile)["series"]
    ]
    assert moments[:3] == [0, 5, 10]
    assert (len(moments), moments[-1]) == (26, 125)


def test_summary__what_another_try_cannot_mend__is_never_answered_and_never_kept():
    found = summarise_backfill(drained(rejected=10), OUTAGE)
    assert (found["kept"], found["not_kept"], found["lost"]) == (90, 10, 0)
    assert found["never_answered"]["value"] == 0.1


def test_summary__live_requests_meanwhile__are_told_beside_those_before():
    live = summarise_backfill(drained(slow=30.0), OUTAGE)["live"]
    assert live["before"]["n"] == 150
    assert live["before"]["p95"]["value"] == 10
    assert live["draining"]["n"] == 250
    assert live["draining"]["p95"]["value"] == 40
    assert live["draining"]["error_rate"]["value"] == 0


def test_summary__few_live_requests__says_too_few_instead_of_a_figure():
    profile = replace(OUTAGE, outage_start=0.2, outage_seconds=0.1)
    live = summarise_backfill(drained(profile), profile)["live"]
    assert live["before"] == {"n": 10, "reason": load_backfill.TOO_FEW_BEFORE}
    assert live["draining"] == {"n": 15, "reason": load_backfill.TOO_FEW_DURING}


def test_summary__every_request_answered__has_nothing_to_backfill():
    found = summarise_backfill(drained(replace(OUTAGE, outage_seconds=0.0)), OUTAGE)
    assert found["reason"] == Reason.NOTHING_TO_BACKFILL.sentence
    assert (found["kept"], found["series"]) == (0, [])
    assert "drain" not in found


# -- what is judged ---------------------------------------------------------------------------


def test_metrics__backlog__are_those_of_the_kept_requests_alone():
    frame = measured(drained(lost=20))
    ended = frame["left_at"].fillna(OUTAGE.lasts)[frame["errored"] == 1]
    values = [
        0.2,
        np.quantile(ended - frame["at"][frame["errored"] == 1], 0.95),
        np.quantile(ended - 5, 0.95),
    ]
    for metric, value in zip(METRICS, values, strict=True):
        found = estimate(frame, metric, seed=0)
        assert (found.value, found.n) == (pytest.approx(value), 100)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (measured(drained(replace(OUTAGE, outage_seconds=0.0))), Reason.NOTHING_TO_BACKFILL),
        (
            scored_frame().drop(columns=["backlog_lost", "backlog_age", "backlog_drain"]),
            Reason.NO_BACKFILL,
        ),
    ],
)
def test_metrics__nothing_to_backfill__is_undecided_and_never_a_pass(metric, frame, reason):
    found = estimate(frame, metric, seed=0)
    finding, why, _ = check_value(found, Criterion(metric, "all", value_threshold=1e9))
    assert (found.value, finding, why) == (None, Finding.INCONCLUSIVE, reason)


def test_metrics__few_in_the_backlog__are_too_few_for_a_quantile():
    profile = replace(OUTAGE, outage_seconds=0.4)
    found = estimate(measured(drained(profile), profile), "p95_drain_time", seed=0)
    assert found.n == 20
    assert found.interval is None or found.interval.high is None


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("metric", METRICS)
def test_compare__slower_backfill__is_a_change_for_the_worse_of_independent_backlogs(
    metric, paired
):
    slower = replace(OUTAGE, backfill_rate=12)
    before = measured(drained())
    after = measured(drained(slower, lost=30), slower)
    effect = compare(before, after, metric, paired=paired)
    assert effect.difference > 0
    assert effect.interval.low > 0
    assert "paired" not in effect.method


def test_compare__one_side_without_a_backlog__is_undefined():
    calm = measured(drained(replace(OUTAGE, outage_seconds=0.0)))
    effect = compare(calm, measured(drained()), "p95_backlog_age", paired=False)
    assert (effect.interval, effect.reason) == (None, Reason.NOTHING_TO_BACKFILL)
