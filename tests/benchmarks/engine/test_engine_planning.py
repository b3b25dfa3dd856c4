"""Plans: the items they ask for find what they promise in about 80 % of simulations."""

import numpy as np
import pytest
from statsmodels.stats.power import NormalIndPower, TTestIndPower

from benchmarks.engine.counts import Events, exact_p
from benchmarks.engine.effects import Terms, compare_scored
from benchmarks.engine.metrics import metric_of
from benchmarks.engine.planning import (
    Traffic,
    detectable_quantile,
    detectable_rates,
    detectable_ratio,
    needed_area,
    needed_exposure,
    needed_quantile,
    needed_rates,
    plan_mean,
    plan_rate,
    plan_stages,
)
from benchmarks.engine.proportions import two_rates
from benchmarks.engine.scored import Scored

pytestmark = pytest.mark.pure


def share_found(tries, find):
    rng = np.random.default_rng(1)
    return np.mean([find(rng) < 0.05 for _ in range(tries)])


def test_needed_rates__a_drop__is_found_in_about_80_percent():
    n = needed_rates(0.8, 0.05)
    found = share_found(
        800, lambda rng: two_rates((rng.binomial(n, 0.75), n), (rng.binomial(n, 0.8), n))[0]
    )
    assert 0.77 <= found <= 0.85


def test_needed_rates__small_difference__agrees_with_statsmodels():
    expected = NormalIndPower().solve_power(0.02 / np.sqrt(0.25), alpha=0.05, power=0.8)
    assert needed_rates(0.5, 0.02) == pytest.approx(expected, rel=0.01)


def test_detectable_rates__and_needed_rates__are_each_others_inverse():
    assert needed_rates(0.9, detectable_rates(0.9, 5000)) == pytest.approx(5000, abs=1)
    assert detectable_rates(0.5, 1) is None


def test_needed_exposure__a_rise__is_found_in_about_80_percent():
    exposure = needed_exposure(1.0, 1.2)
    assert detectable_ratio(1.0, exposure) == pytest.approx(1.2)

    def find(rng):
        sides = (Events(np.array([float(rng.poisson(rate * exposure))]), np.array([exposure]))
                 for rate in (1.2, 1.0))  # fmt: skip
        return exact_p(*sides)

    assert 0.76 <= share_found(800, find) <= 0.84


def test_needed_exposure__overdispersed_items__need_more():
    assert needed_exposure(1.0, 1.2, dispersion=1.0) > 1.9 * needed_exposure(1.0, 1.2)


def test_needed_area__a_loss__is_found_in_about_80_percent():
    n = needed_area(0.76, 0.06, 0.3, 0.0)
    gap = 1.0

    def side(rng, distance):
        label = (np.arange(n) < 0.3 * n).astype(float)
        return Scored({"label": label, "score": rng.normal(size=n) + distance * label}, None, n)

    def find(rng):
        sides = side(rng, gap), side(rng, gap - 0.25)
        return compare_scored(*sides, metric_of("roc_auc"), "all", Terms(False)).p_value

    assert 0.74 <= share_found(500, find) <= 0.92


def test_needed_quantile__margin__scales_with_its_square():
    rng = np.random.default_rng(2)
    values = rng.lognormal(3, 0.5, 2000)
    seen = detectable_quantile(values, 0.95, 2000, np.random.default_rng(3))
    # Asymptotic error of a quantile: sqrt(q (1 − q) / n) / density.
    point = np.exp(3 + 0.5 * 1.6449)
    density = np.exp(-(1.6449**2) / 2) / (point * 0.5 * np.sqrt(2 * np.pi))
    error = np.sqrt(0.95 * 0.05 / 2000) / density
    assert seen == pytest.approx(2.8 * np.sqrt(2) * error, rel=0.2)
    one, two = (needed_quantile(values, 0.95, m, np.random.default_rng(3)) for m in (2.0, 4.0))
    assert one == pytest.approx(4 * two, rel=0.01)


def test_plan_mean__unpaired__agrees_with_statsmodels():
    expected = TTestIndPower().solve_power(0.1, alpha=0.05, power=0.8)
    plan = plan_mean(0.5, 5.0, Traffic(1000, 0.1))
    assert plan.items == pytest.approx(expected, rel=0.01)
    assert plan.days == int(np.ceil(plan.items / 100))


def test_plan_rate__pairs__need_far_fewer_than_strangers():
    traffic = Traffic(500)
    assert (
        plan_rate(0.02, 0.8, traffic, discordant=0.05).items * 5
        < plan_rate(0.02, 0.8, traffic).items
    )


def test_plan__daily_looks__cost_items_but_not_without_end():
    plan = plan_rate(0.02, 0.8, Traffic(500))
    assert 1.3 * plan.items < plan.sequential_items < 3 * plan.items


def test_plan_stages__larger_shares__take_fewer_days():
    days = [plan.days for plan in plan_stages(0.02, 0.8, 2000, [0.05, 0.25, 1.0])]
    assert days == sorted(days, reverse=True)
    assert days[0] >= 19 * days[2] - 20


@pytest.mark.parametrize("bad", [(0, 1.0), (100, 0.0), (100, 1.5)])
def test_traffic__none__is_refused(bad):
    with pytest.raises(ValueError, match="Traffic"):
        Traffic(*bad)


@pytest.mark.parametrize("margin", [0, -0.1])
def test_plan__no_margin__is_refused(margin):
    with pytest.raises(ValueError, match="above 0"):
        plan_rate(margin, 0.5, Traffic(100))
