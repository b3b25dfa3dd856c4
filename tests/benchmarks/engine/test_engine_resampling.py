"""The one-pass bootstrap against the closed forms and against itself."""

import numpy as np
import pandas as pd
import pytest
from engine_frames import scored_frame
from scipy import stats
from sklearn.metrics import roc_auc_score

from benchmarks.engine.metrics import estimates
from benchmarks.engine.resampling import bootstrap
from benchmarks.engine.resampling_rows import rows_of
from benchmarks.engine.slices import Slice, masks
from benchmarks.engine.values import Reason

pytestmark = pytest.mark.pure

FRAME = scored_frame(500, seed=2)
FRAME = FRAME.assign(score=FRAME.score.round(2))
METRICS = ["accuracy", "recall", "precision", "f1", "brier", "roc_auc", "mean_cost"]
SLICES = [
    Slice("g0", "Group 0", {"column": "group", "op": "eq", "value": 0}),
    Slice("nobody", "Nobody", {"column": "group", "op": "eq", "value": 99}),
]


@pytest.mark.parametrize("clusters", [None, "day"])
def test_bootstrap__every_cell__has_the_value_and_nearly_the_interval_of_the_estimate(clusters):
    frame = FRAME.assign(day=np.arange(500) // 5)
    table = bootstrap(frame, METRICS, SLICES, seed=1, clusters=clusters)
    for closed in estimates(frame, METRICS, SLICES, seed=1, clusters=clusters):
        found = table.at(closed.metric, closed.slice)
        assert found.reason == closed.reason
        if closed.value is None:
            assert found.value is None
            continue
        width = closed.interval.high - closed.interval.low
        assert found.value == pytest.approx(closed.value, abs=1e-12)
        assert found.interval.low == pytest.approx(closed.interval.low, abs=0.15 * width)
        assert found.interval.high == pytest.approx(closed.interval.high, abs=0.15 * width)


def test_bootstrap__same_seed__repeats_itself_and_another_seed_does_not():
    first, again, other = (
        bootstrap(FRAME, ["f1"], [], seed=seed, resamples=200) for seed in (1, 1, 2)
    )
    assert first.estimates == again.estimates
    assert first.at("f1", "all").interval != other.at("f1", "all").interval


def test_bootstrap__given_weights__replace_the_draws():
    weights = np.ones((3, 500))
    weights[1, :250], weights[1, 250:] = 2, 0
    table = bootstrap(FRAME, ["accuracy", "roc_auc"], [], seed=1, weights=weights)
    half = estimates(FRAME.iloc[:250], ["accuracy", "roc_auc"], [], seed=1)
    whole = estimates(FRAME, ["accuracy", "roc_auc"], [], seed=1)
    for place, metric in enumerate(("accuracy", "roc_auc")):
        expected = [whole[place].value, half[place].value, whole[place].value]
        assert table.draws_of(metric, "all") == pytest.approx(expected)


def test_bootstrap__all_right__does_not_claim_certainty():
    frame = FRAME.assign(prediction=FRAME.label)
    found = bootstrap(frame, ["accuracy"], [], seed=1, resamples=100).at("accuracy", "all")
    assert (found.value, found.interval, found.reason) == (1.0, None, Reason.TOO_FEW)


def test_bootstrap__empty_frame__has_reasons_instead_of_numbers():
    table = bootstrap(FRAME.iloc[:0], ["accuracy", "roc_auc"], [], seed=1)
    assert {found.reason for found in table.estimates} == {Reason.NO_ROWS}


def test_bootstrap__one_class__is_undefined():
    table = bootstrap(FRAME.assign(label=0), ["roc_auc"], [], seed=1, resamples=50)
    assert table.at("roc_auc", "all").reason is Reason.ONE_CLASS


LARGE = scored_frame(6000, seed=4).assign(score=lambda f: f.score.round(4))
EVERY = ["accuracy", "recall", "f1", "brier", "ece", "roc_auc", "mean_cost", "p95_latency"]


@pytest.mark.parametrize("metric", EVERY)
def test_bootstrap__cells__give_the_spread_and_skew_of_drawn_rows(metric):
    by_cells = bootstrap(LARGE, [metric], [], seed=3, resamples=8000)
    rng = np.random.default_rng(9)
    weights = rng.multinomial(6000, np.full(6000, 1 / 6000), size=1500).astype(float)
    by_rows = bootstrap(LARGE, [metric], [], seed=3, weights=weights)
    cells, rows = (t.draws_of(metric, "all") for t in (by_cells, by_rows))
    assert by_cells.at(metric, "all").value == pytest.approx(
        by_rows.at(metric, "all").value, abs=1e-12
    )
    # Three Monte Carlo errors of 1,500 draws.
    assert cells.std() == pytest.approx(rows.std(), rel=0.06)
    assert cells.mean() == pytest.approx(rows.mean(), abs=0.09 * rows.std())
    assert stats.skew(cells) == pytest.approx(stats.skew(rows), abs=0.3)


@pytest.mark.parametrize("metric", ["accuracy", "brier", "mean_cost", "roc_auc"])
def test_bootstrap__large_slice__agrees_with_scipy_bca_and_percentile(metric):
    frame = scored_frame(800, seed=6)
    table = bootstrap(frame, [metric], [], seed=1)
    label, score = frame.label.to_numpy(float), frame.score.to_numpy()
    right = (frame.label == frame.prediction).to_numpy(float)

    def mean(values, axis=-1):
        return values.mean(axis=axis)

    sample, statistic, vectorised = {
        "accuracy": ((right,), mean, True),
        "brier": (((score - label) ** 2,), mean, True),
        "mean_cost": ((frame.cost.to_numpy(),), mean, True),
        "roc_auc": ((label, score), roc_auc_score, False),
    }[metric]
    found = {"BCa": table.at(metric, "all").interval, "percentile": None}
    found["percentile"] = table.percentile_at(metric, "all")
    for method, ours in found.items():
        theirs = stats.bootstrap(
            sample,
            statistic,
            paired=True,
            vectorized=vectorised,
            method=method,
            n_resamples=2000 if vectorised else 500,
            rng=np.random.default_rng(2),
        ).confidence_interval
        width = theirs.high - theirs.low
        assert ours.method.lower().startswith(method.lower())
        assert ours.low == pytest.approx(theirs.low, abs=0.12 * width)
        assert ours.high == pytest.approx(theirs.high, abs=0.12 * width)


def test_bootstrap__strata__keep_their_sizes_and_take_their_differences_out():
    frame = scored_frame(1200, seed=5).assign(kind=np.arange(1200) % 2)
    frame["cost"] = frame.cost + 100 * frame.kind
    plain, within = (
        bootstrap(frame, ["mean_cost"], [], seed=1, strata=strata).draws_of("mean_cost", "all")
        for strata in (None, "kind")
    )
    each = [frame.cost[frame.kind == kind].var(ddof=0) / 600 for kind in (0, 1)]
    assert within.std() == pytest.approx(np.sqrt(sum(each)) / 2, rel=0.06)
    assert plain.std() > 5 * within.std()


def test_bootstrap__strata_of_clusters__draw_clusters_inside_each():
    frame = FRAME.assign(day=np.arange(500) // 5, half=np.arange(500) // 250)
    found = bootstrap(frame, METRICS, SLICES, seed=1, clusters="day", strata="half")
    assert found.at("accuracy", "all").interval is not None
    with pytest.raises(ValueError, match="more than one stratum"):
        bootstrap(frame, METRICS, [], seed=1, clusters="half", strata="day")
    with pytest.raises(ValueError, match="“week”"):
        bootstrap(frame, METRICS, [], seed=1, strata="week")


def test_bootstrap__quantile_without_enough_rows_beyond_it__has_no_interval():
    found = bootstrap(FRAME.iloc[:200], ["p99_latency"], [], seed=1).at("p99_latency", "all")
    assert (found.interval, found.reason) == (None, Reason.TOO_FEW)
    assert found.value == pytest.approx(FRAME.iloc[:200].latency_ms.quantile(0.99))


@pytest.mark.parametrize("n", [0, 1, 2, 600])
@pytest.mark.parametrize("metric", EVERY)
def test_bootstrap__constant_columns__claim_no_certainty(n, metric):
    frame = pd.DataFrame(
        {"label": [1] * n, "prediction": [1] * n, "score": [1.0] * n, "cost": [2.0] * n}
    ).assign(latency_ms=5.0)
    found = bootstrap(frame, [metric], [], seed=1, resamples=50).at(metric, "all")
    assert found.interval is None
    assert found.reason is not Reason.NONE


def test_bootstrap__scores_below_zero__have_the_same_area_as_their_ranks():
    frame = LARGE.assign(score=np.log(LARGE.score / (1 - LARGE.score)))
    found = bootstrap(frame, ["roc_auc"], [], seed=1, resamples=50).at("roc_auc", "all")
    assert found.value == pytest.approx(roc_auc_score(LARGE.label, LARGE.score), abs=1e-12)


CONDITIONS = [
    {"column": "group", "op": "eq", "value": 2},
    {"column": "group", "op": "in", "values": [0, 3, 77]},
    {"not": {"column": "place", "op": "eq", "value": "a"}},
    {"column": "place", "op": "is_null"},
    {"any": [{"column": "place", "op": "eq", "value": "b"}, {"column": "place", "op": "is_null"}]},
    {
        "all": [
            {"column": "group", "op": "gt", "value": 1},
            {"column": "cost", "op": "lt", "value": 4},
        ]
    },
    {"column": "cost", "op": "between", "values": [2, 5]},
    {},
]


@pytest.mark.parametrize("kind", [object, "str", "category"])
@pytest.mark.parametrize("rows", [0, 500])
def test_rows_of__any_condition__are_the_rows_of_the_mask(kind, rows):
    place = pd.Series(["a", "b", None, "c"] * 125, index=FRAME.index).astype(kind)
    frame = FRAME.assign(place=place).iloc[:rows]
    slices = [Slice(str(at), "", condition) for at, condition in enumerate(CONDITIONS)]
    expected = {key: np.flatnonzero(mask).tolist() for key, mask in masks(frame, slices).items()}
    assert {key: found.tolist() for key, found in rows_of(frame, slices).items()} == expected


def test_rows_of__unknown_column__is_refused():
    with pytest.raises(ValueError, match="“planet”"):
        rows_of(FRAME, [Slice("x", "", {"column": "planet", "op": "eq", "value": 1})])


def clustered_rows(rng):
    day = np.repeat(np.arange(60), 8)
    rate = np.clip(0.7 + 0.15 * rng.normal(size=60), 0, 1)[day]
    right = (rng.random(480) < rate).astype(int)
    return pd.DataFrame({"label": 1, "prediction": right, "cluster": day})


def binary_rows(rng):
    return pd.DataFrame({"label": 1, "prediction": (rng.random(600) < 0.8).astype(int)})


def skewed_rows(rng):
    return pd.DataFrame({"cost": rng.gamma(0.7, 2.0, 600)})


def ranked_rows(rng):
    label = (np.arange(600) % 3 == 0).astype(int)
    return pd.DataFrame({"label": label, "score": rng.normal(size=600) + label})


def miscalibrated_rows(rng):
    score = rng.random(900)
    return pd.DataFrame({"score": score, "label": rng.random(900) < 0.1 + 0.8 * score})


RATE_OF_DAYS = float(
    np.mean(np.clip(0.7 + 0.15 * stats.norm.ppf((np.arange(4000) + 0.5) / 4000), 0, 1))
)
MISS = np.sqrt(np.mean([(0.1 - 0.2 * (at + 0.5) / 15) ** 2 for at in range(15)]))


@pytest.mark.parametrize(
    ("make", "metric", "truth"),
    [
        (binary_rows, "accuracy", 0.8),
        (skewed_rows, "mean_cost", 1.4),
        (ranked_rows, "roc_auc", float(stats.norm.cdf(1 / np.sqrt(2)))),
        (clustered_rows, "accuracy", RATE_OF_DAYS),
        (miscalibrated_rows, "ece", MISS),
    ],
)
def test_bootstrap__repeated_samples__intervals_cover_the_truth_as_often_as_they_say(
    make, metric, truth
):
    rng = np.random.default_rng(12)
    ends = [
        bootstrap(make(rng), [metric], [], seed=seed, resamples=500).at(metric, "all").interval
        for seed in range(400)
    ]
    covered = np.mean([end.low <= truth <= end.high for end in ends])
    # 93 to 97 %, and a binomial error of 400 repetitions.
    assert 0.93 - 0.011 <= covered <= 0.97 + 0.011


@pytest.mark.parametrize("key", ["typical_latency", "pr_auc", "macro_f1", "rmse"])
def test_bootstrap__metric_without_sums__is_refused_and_says_where_to_ask(key):
    with pytest.raises(ValueError, match="no sums to resample or merge"):
        bootstrap(scored_frame(50, seed=1), [key], [], seed=1, resamples=10)


@pytest.mark.parametrize("clusters", [None, "group"])
def test_bootstrap__quantile_of_rows_that_count__leaves_the_others_out(clusters):
    found = bootstrap(FRAME, ["p95_backlog_age"], SLICES, seed=1, clusters=clusters)
    for exact in estimates(FRAME, ["p95_backlog_age"], SLICES, seed=1, clusters=clusters):
        assert found.at("p95_backlog_age", exact.slice).value == pytest.approx(exact.value)
