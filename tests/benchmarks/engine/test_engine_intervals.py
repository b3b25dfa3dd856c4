"""Intervals against published examples, statsmodels and scipy."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from benchmarks.engine.intervals import (
    mean_of,
    newcombe,
    newcombe_paired,
    order_statistics,
    rate_interval,
    wilson,
)

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (0, 20), (3, 20), (20, 20), (720, 1000)])
@pytest.mark.parametrize("level", [0.90, 0.95])
def test_wilson__any_rate__agrees_with_statsmodels(hits, n, level):
    expected = proportion_confint(hits, n, alpha=1 - level, method="wilson")
    assert wilson(hits, n, level) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((10, 10), (0, 20), (0.6791, 1.0)),
    ],
)
def test_newcombe__two_rates__gives_the_values_of_his_1998_paper(first, second, expected):
    assert newcombe(first, second, 0.95) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        # both, lost, gained, neither; candidate − baseline, so the published signs turn round
        ((36, 12, 2, 0), (-0.3404, -0.0569)),  # Newcombe 1998, method 10
        ((1, 7, 1, 12), (-0.507, -0.026)),  # Bentur's airway data in Fagerland 2014
    ],
)
def test_newcombe_paired__published_tables__gives_the_published_interval(table, expected):
    digits = len(str(expected[0]).split(".")[1])
    found = newcombe_paired(*table, 0.95)
    assert found == pytest.approx(expected, abs=0.5 * 10**-digits)


def test_newcombe_paired__no_discordant_pair__still_has_width():
    low, high = newcombe_paired(10, 0, 0, 2, 0.95)
    assert low < 0 < high


def test_mean__without_clusters__agrees_with_scipy():
    values = np.random.default_rng(1).gamma(2.0, 1.0, 30)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_of(values, None).interval(0.95) == pytest.approx(tuple(expected))


def test_mean__with_clusters__agrees_with_a_cluster_robust_regression():
    rng = np.random.default_rng(2)
    clusters = rng.integers(0, 25, 300)
    values = rng.normal(size=300) + rng.normal(size=25)[clusters]
    fit = sm.OLS(values, np.ones(300)).fit(
        cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True
    )
    found = mean_of(values, clusters)
    assert found.error == pytest.approx(fit.bse[0])
    assert found.interval(0.95) == pytest.approx(tuple(fit.conf_int()[0]))


def test_mean__single_item__has_no_finite_variance():
    assert mean_of(np.array([3.0]), None).variance == np.inf


def test_mean__single_cluster__has_no_finite_variance():
    assert mean_of(np.array([3.0, 4.0]), np.array([0, 0])).variance == np.inf


def test_rate__all_right_in_clusters__counts_each_cluster_once():
    clusters = np.repeat(np.arange(5), 100)
    interval = rate_interval(np.ones(500), clusters, 0.95)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx(wilson(5, 5, 0.95))


def test_rate__one_cluster__has_no_interval():
    assert rate_interval(np.array([1.0, 0.0]), np.array([0, 0]), 0.95) is None


def test_order_statistics__median__covers_with_the_binomial_probability():
    values = np.arange(1.0, 51.0)
    interval = order_statistics(values, 0.5, 0.95, None)
    coverage = stats.binom.cdf(interval.high - 1, 50, 0.5) - stats.binom.cdf(
        interval.low - 1, 50, 0.5
    )
    narrower = coverage - stats.binom.pmf(interval.low, 50, 0.5)
    assert coverage >= 0.95 > narrower - stats.binom.pmf(interval.high - 1, 50, 0.5)


@pytest.mark.parametrize(("n", "bounded"), [(200, False), (500, True)])
def test_order_statistics__99th_percentile__has_an_upper_end_only_with_enough_items(n, bounded):
    interval = order_statistics(np.arange(float(n)), 0.99, 0.95, None)
    assert (interval.high is not None) is bounded
    assert interval.low is not None


def test_order_statistics__clustered__is_wider_when_clusters_move_together():
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(40), 50)
    values = rng.normal(size=2000) + 2 * rng.normal(size=40)[clusters]
    plain = order_statistics(values, 0.5, 0.95, None)
    robust = order_statistics(values, 0.5, 0.95, clusters)
    assert robust.high - robust.low > 3 * (plain.high - plain.low)
