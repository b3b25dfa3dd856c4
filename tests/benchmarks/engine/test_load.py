"""System stress: what may be declared, when requests fall due, what is said about them."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from benchmarks.engine import load_summary
from benchmarks.engine.judge import judge
from benchmarks.engine.load import SETTINGS, LoadProfile, describe, problems, schedule
from benchmarks.engine.load_summary import summarise
from benchmarks.engine.metrics import estimate
from benchmarks.engine.values import Criterion, Reason, ScenarioPlan, ScenarioResult
from tests.benchmarks.engine.engine_frames import scored_frame

pytestmark = pytest.mark.pure

STEADY = LoadProfile(rate=50, seconds=10)
BURST = LoadProfile(rate=40, seconds=10, burst_factor=4, burst_start=3, burst_seconds=2)
COLUMNS = ("x", "z")


@st.composite
def profiles(draw):
    """Profiles that `problems` lets through, small enough to plan many of them."""
    seconds = draw(st.integers(2, 30))
    start = draw(st.integers(0, seconds - 1))
    span = draw(st.integers(0, seconds - start))
    return LoadProfile(
        rate=draw(st.integers(10, 60)),
        seconds=seconds,
        arrivals=draw(st.sampled_from(["constant", "poisson"])),
        burst_factor=draw(st.integers(2, 5)) if span else 1,
        burst_start=start,
        burst_seconds=span,
        retries=draw(st.integers(0, 3)),
        drop_share=draw(st.sampled_from([0.0, 0.1, 1.0])),
        delay_ms=50,
        delay_share=0.2,
    )


def frame_of(latency, errored=None, at=None, tries=None):
    count = len(latency)
    return pd.DataFrame(
        {
            "at": np.arange(count) / 50 if at is None else at,
            "latency_ms": latency,
            "errored": np.zeros(count, dtype=int) if errored is None else errored,
            "tries": np.ones(count, dtype=int) if tries is None else tries,
            "cause": np.where(np.zeros(count) if errored is None else errored, "late", ""),
        }
    )


# -- what may be declared ---------------------------------------------------------------------


@given(profiles())
def test_problems__whatever_this_file_draws__finds_none(profile):
    assert problems(asdict(profile), COLUMNS) == []
    assert "requests a second" in describe(profile)


def test_problems__nothing_declared__is_no_stress_and_no_fault():
    assert problems({}, COLUMNS) == []


@pytest.mark.parametrize(
    ("given_settings", "words"),
    [
        ([], "must be an object"),
        ({"rate": 5}, "needs “seconds”"),
        ({"rate": "5", "seconds": 10}, "“rate” must be a number from 0.1 to 500"),
        ({"rate": True, "seconds": 10}, "“rate” must be a number"),
        ({"rate": float("nan"), "seconds": 10}, "“rate” must be a number"),
        ({"rate": 501, "seconds": 10}, "“rate” must be a number from 0.1 to 500"),
        ({"rate": 5, "seconds": 301}, "“seconds” must be a number from 1 to 300"),
        ({"rate": 5, "seconds": 10, "retries": 1.5}, "“retries” must be a whole number"),
        ({"rate": 5, "seconds": 10, "arrivals": "never"}, "“arrivals” must be one of"),
        ({"rate": 5, "seconds": 10, "ratio": 1}, "no stress setting called “ratio”"),
        ({"rate": 500, "seconds": 300}, "150,000 requests; at most 20,000"),
        ({"rate": 1, "seconds": 10}, "10 requests; fewer than 20"),
        ({"rate": 5, "seconds": 10, "burst_factor": 2}, "needs both a factor"),
        (
            {"rate": 5, "seconds": 10, "outage_start": 9, "outage_seconds": 2},
            "have to end within the 10 seconds",
        ),
        ({"rate": 5, "seconds": 10, "delay_share": 0.1}, "needs both its milliseconds"),
        ({"rate": 5, "seconds": 10, "partial_share": 0.1}, "both a share"),
        ({"rate": 5, "seconds": 10, "partial_columns": ["y"]}, "no column “y”"),
        ({"rate": 5, "seconds": 10, "partial_columns": "x"}, "must be a list"),
        (
            {"rate": 5, "seconds": 10, "drop_share": 0.1, "backfill_rate": 5},
            "needs both its requests a second and the seconds",
        ),
        (
            {"rate": 5, "seconds": 10, "drop_share": 0.1, "backfill_seconds": 5},
            "needs both its requests a second and the seconds",
        ),
        (
            {"rate": 5, "seconds": 10, "backfill_rate": 5, "backfill_seconds": 5},
            "there would be nothing to backfill",
        ),
        (
            {
                "rate": 50,
                "seconds": 300,
                "drop_share": 0.1,
                "backfill_rate": 10,
                "backfill_seconds": 300,
            },
            "With what may be sent again these are 21,000 requests; at most 20,000",
        ),
    ],
)
def test_problems__what_cannot_be_asked__is_said_in_one_sentence(given_settings, words):
    found = problems(given_settings, COLUMNS)
    assert len(found) == 1
    assert words in found[0]


def test_settings__every_number_of_a_profile__has_its_bounds():
    others = {"arrivals", "partial_columns"}
    assert {setting.name for setting in SETTINGS} == set(asdict(STEADY)) - others
    for setting in SETTINGS:
        assert setting.low <= asdict(STEADY)[setting.name] <= setting.high


def test_describe__every_disturbance__is_named():
    said = describe(
        LoadProfile(
            rate=30, seconds=20, arrivals="poisson", burst_factor=3, burst_start=5,
            burst_seconds=2, deadline_ms=900, retries=2, delay_ms=200, delay_share=0.05,
            drop_share=0.02, partial_share=0.1, partial_columns=("x", "z"), outage_start=8,
            outage_seconds=1, backfill_rate=4, backfill_seconds=6,
        )
    )  # fmt: skip
    for words in (
        "30 requests a second for 20 s at random moments",
        "within 900 ms in up to 3 tries of 300 ms",
        "3 times as many for 2 s from second 5",
        "refuses everything for 1 s from second 8",
        "5 % delayed by 200 ms",
        "2 % of the tries lost",
        "10 % arrive without x, z",
        "sent again at 4 a second, until 6 s after the end",
    ):
        assert words in said


# -- when requests fall due -------------------------------------------------------------------


@given(profiles(), st.integers(0, 2**31), st.integers(1, 200))
def test_schedule__any_profile__is_ordered_within_the_run_and_the_same_for_a_seed(
    profile, seed, rows
):
    planned = schedule(profile, rows, seed)
    moments = [one.at for one in planned]
    assert len(planned) == round(profile.offered)
    assert moments == sorted(moments)
    assert 0 <= moments[0] <= moments[-1] < profile.seconds
    assert planned == schedule(profile, rows, seed)
    asked = np.bincount([one.row for one in planned], minlength=rows)
    assert asked.max() - asked.min() <= 1
    assert all(0 <= one.lost <= profile.retries + 1 for one in planned)


def test_schedule__constant_arrivals__keep_the_rate_in_and_beside_the_burst():
    moments = np.array([one.at for one in schedule(BURST, 1000, 0)])
    per_second = np.histogram(moments, bins=np.arange(11))[0]
    assert np.abs(per_second - np.array([40] * 3 + [160] * 2 + [40] * 5)).max() <= 1
    assert np.ptp(np.diff(moments[:100])) < 1e-9


def test_schedule__poisson_arrivals__are_uniform_moments_of_the_summed_rate():
    profile = LoadProfile(rate=100, seconds=50, arrivals="poisson")
    moments = [one.at for one in schedule(profile, 10, 3)]
    assert stats.kstest(moments, stats.uniform(0, 50).cdf).pvalue > 0.001
    assert stats.kstest(np.diff(moments), stats.expon(scale=1 / 100).cdf).pvalue > 0.001


def test_schedule__shares__befall_so_many_requests_and_no_other():
    profile = LoadProfile(
        rate=200, seconds=50, delay_ms=10, delay_share=0.3, drop_share=0.2, retries=1,
        partial_share=0.1, partial_columns=("x",),
    )  # fmt: skip
    planned = schedule(profile, 10, 1)
    counts = {
        0.3: sum(one.delayed for one in planned),
        0.1: sum(one.partial for one in planned),
        0.2: sum(one.lost > 0 for one in planned),
        0.04: sum(one.lost == 2 for one in planned),
    }
    for share, count in counts.items():
        assert stats.binomtest(count, 10_000, share).pvalue > 0.001
    plain = schedule(LoadProfile(rate=200, seconds=50), 10, 1)
    assert not any(one.delayed or one.partial or one.lost for one in plain)
    assert [(one.at, one.row) for one in plain] == [(one.at, one.row) for one in planned]


def test_schedule__without_rows__is_refused():
    with pytest.raises(ValueError, match="Without rows"):
        schedule(STEADY, 0, 0)


# -- what is said about them ------------------------------------------------------------------


def test_summarise__counts_and_rates__are_those_of_the_frame():
    errored = np.zeros(500, dtype=int)
    errored[:25] = 1
    tries = np.where(np.arange(500) < 100, 2, 1)
    found = summarise(frame_of(np.full(500, 20.0), errored, tries=tries), STEADY)
    assert (found["offered"], found["answered"], found["errors"]) == (500, 475, 25)
    assert found["offered_rate"] == 50
    assert found["answered_rate"] == pytest.approx(47.5, rel=0.01)
    assert found["retried"] == pytest.approx(0.2)
    assert found["causes"] == {"late": 25}
    low, high = proportion_confint(25, 500, method="wilson")
    assert found["error_rate"] == pytest.approx({"value": 0.05, "low": low, "high": high})


def test_summarise__quantiles__have_the_binomial_order_statistics_around_them():
    values = np.random.default_rng(4).gamma(2, 20, 500)
    found = summarise(frame_of(values), STEADY)["latency_ms"]
    ordered = np.sort(values)
    for name, share in (("p50", 0.5), ("p95", 0.95)):
        low = int(stats.binom.ppf(0.025, 500, share))
        high = int(stats.binom.ppf(0.975, 500, share))
        assert found[name]["value"] == pytest.approx(np.quantile(values, share))
        assert found[name]["low"] == ordered[low - 1]
        assert found[name]["high"] == ordered[high]
    assert summarise(frame_of(values[:60]), STEADY)["latency_ms"]["p99"]["high"] is None


def test_summarise__answers_after_the_last_request__lower_the_throughput():
    found = summarise(frame_of(np.full(500, 10_000.0)), STEADY)
    assert found["answered_rate"] == pytest.approx(500 / 19.98)


def test_summarise__series__says_what_became_of_each_seconds_requests():
    at = np.array([0.0, 0.2, 0.9, 2.5])
    found = summarise(
        frame_of(np.array([10.0, 20.0, 1000.0, 40.0]), np.array([0, 0, 1, 0]), at=at),
        LoadProfile(rate=1, seconds=3),
    )["series"]
    assert [(row["offered"], row["answered"], row["errors"]) for row in found] == [
        (3, 2, 1),
        (0, 0, 0),
        (1, 1, 0),
    ]
    assert [row["p50"] for row in found] == [20.0, None, 40.0]


def test_recovery__slow_until_a_second_after_the_burst__is_that_second():
    at = np.array([one.at for one in schedule(BURST, 10, 0)])
    latency = 10 + np.random.default_rng(0).random(len(at))
    latency[(at >= 3) & (at < 6)] = 400.0
    found = summarise(frame_of(latency, at=at), BURST)["recovery"]
    assert found["reason"] == ""
    assert found["seconds"] == pytest.approx(1.0, abs=0.1)


def test_recovery__errors_after_the_outage__count_although_answers_are_quick():
    profile = LoadProfile(rate=40, seconds=10, outage_start=3, outage_seconds=1)
    at = np.array([one.at for one in schedule(profile, 10, 0)])
    errored = ((at >= 3) & (at < 6)).astype(int)
    found = summarise(frame_of(np.full(len(at), 10.0), errored, at=at), profile)["recovery"]
    assert found["seconds"] == pytest.approx(2.0, abs=0.2)


@pytest.mark.parametrize(
    ("profile", "slow_from", "reason"),
    [
        (STEADY, 99, load_summary.NOTHING_PASSED),
        (BURST, 3, load_summary.NOT_BACK),
        (
            LoadProfile(rate=40, seconds=10, outage_start=0.1, outage_seconds=1),
            99,
            load_summary.NO_LEVEL,
        ),
        (
            LoadProfile(rate=40, seconds=10, outage_start=8, outage_seconds=2),
            99,
            load_summary.NO_AFTER,
        ),
    ],
)
def test_recovery__not_seen__is_none_with_its_reason(profile, slow_from, reason):
    at = np.array([one.at for one in schedule(profile, 10, 0)])
    latency = np.where(at >= slow_from, 500.0, 10.0)
    found = summarise(frame_of(latency, at=at), profile)["recovery"]
    assert found == {"seconds": None, "reason": reason}


def test_recovery__failing_before_the_burst_as_well__is_none_with_its_reason():
    at = np.array([one.at for one in schedule(BURST, 10, 0)])
    failing = frame_of(np.full(len(at), 1000.0), np.ones(len(at), dtype=int), at=at)
    found = summarise(failing, BURST)["recovery"]
    assert found == {"seconds": None, "reason": load_summary.NOT_WELL}


def test_summarise__no_request__is_refused():
    with pytest.raises(ValueError, match="nothing to summarise"):
        summarise(frame_of(np.array([])), STEADY)


# -- how it is judged -------------------------------------------------------------------------


def under_load(seed, *, slower=0.0, errors=0):
    frame = scored_frame(300, seed=1)
    draw = np.random.default_rng(seed)
    errored = (np.arange(300) < errors).astype(int)
    frame["latency_ms"] = draw.gamma(20, 2, 300) + slower
    return frame.assign(errored=draw.permutation(errored))


def judged(before, after, *criteria):
    plan = ScenarioPlan("s", criteria, (), ("p95_latency", "error_rate"), unpaired=True)
    sides = [{"s": ScenarioResult("s", "received", frame, "d")} for frame in (after, before)]
    return judge([plan], *sides, seed=0).scenarios[0]


def test_judge__unpaired_scenario__compares_requests_as_independent_samples():
    criteria = Criterion("p95_latency", margin=10), Criterion("error_rate", margin=0.05)
    found = judged(under_load(2, errors=3), under_load(3, slower=60, errors=90), *criteria)
    methods = {change.metric: change.effect.method for change in found.changes}
    assert methods["p95_latency"] == "percentile bootstrap"
    assert "paired" not in methods["error_rate"]
    assert "mcnemar" not in methods["error_rate"].lower()
    assert [result.finding for result in found.criteria] == ["fail", "fail"]


def test_judge__unpaired_scenario__needs_no_equal_number_of_requests():
    before, after = under_load(2), under_load(3).iloc[:250]
    found = judged(before, after, Criterion("p95_latency", margin=100))
    assert found.finding == "pass"


def test_estimate__unanswered_requests__leave_label_metrics_without_a_guess():
    frame = under_load(1, errors=2)
    frame.loc[frame["errored"] == 1, ["score", "prediction"]] = np.nan
    found = estimate(frame, "accuracy", seed=0)
    assert (found.value, found.reason) == (None, Reason.UNANSWERED)
    assert estimate(frame, "error_rate", seed=0).value == pytest.approx(2 / 300)


def test_estimate__error_rate_without_load__says_that_nothing_was_stressed():
    plain = scored_frame(50).drop(columns="errored")
    assert estimate(plain, "error_rate", seed=0).reason == Reason.NO_LOAD
