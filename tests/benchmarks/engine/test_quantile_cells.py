"""Quantiles of many pairs, resampled in cells: as scipy has them, and as rows drawn one by one."""

import numpy as np
import pytest
from scipy.stats import skew
from scipy.stats.mstats import hdquantiles

from benchmarks.engine import quantile_windows
from benchmarks.engine.quantile_windows import harrell_davis, window_of
from benchmarks.engine.quantiles import quantile_draws

pytestmark = pytest.mark.pure

N = 20_000
ONE_BY_ONE = 10**9  # so many cells to an error that a cell is a row


@pytest.fixture(scope="module")
def pair() -> list[np.ndarray]:
    draw = np.random.default_rng(8)
    before = draw.lognormal(3, 0.6, N)
    return [before, before * draw.lognormal(0, 0.2, N)]


def differences(pair, quantile, seed=1):
    draws = quantile_draws(pair, quantile, None, np.random.default_rng(seed), 2000, smooth=True)
    return draws[:, 0] - draws[:, 1]


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.95])
def test_cells__of_the_sample_itself__give_scipys_smooth_quantile(pair, quantile):
    window = window_of(pair[0], quantile, None)
    assert window.cell > 1
    closed = np.cumsum(np.bincount(window.places))[1:-2] / N
    found = harrell_davis(closed[None, :], window.means, quantile, N)[0]
    error = differences([pair[0], pair[0][::-1]], quantile).std() / np.sqrt(2)
    assert abs(found - float(hdquantiles(pair[0], [quantile])[0])) < 0.002 * error


@pytest.mark.parametrize("quantile", [0.5, 0.95])
def test_cells__draws__spread_as_rows_drawn_one_by_one(pair, quantile, monkeypatch):
    celled = differences(pair, quantile)
    monkeypatch.setattr(quantile_windows, "CELLS_PER_ERROR", ONE_BY_ONE)
    rows = differences(pair, quantile, seed=2)
    # The spread of 2,000 draws is itself known to 1.6 %.
    assert celled.std() == pytest.approx(rows.std(), rel=0.08)
    assert abs(celled.mean() - rows.mean()) < 0.1 * rows.std()
    for tail in (0.025, 0.975):
        assert abs(np.quantile(celled, tail) - np.quantile(rows, tail)) < 0.2 * rows.std()


def test_cells__window_up_to_the_highest_row__draws_spread_as_rows_do(monkeypatch):
    draw = np.random.default_rng(3)
    before = draw.lognormal(3, 0.6, 4000)
    both = [before, before * draw.lognormal(0, 0.2, 4000)]
    window = window_of(both[0], 0.99, None)
    assert window.cell > 1
    assert window.near[-1] == both[0].argmax()
    celled = differences(both, 0.99)
    monkeypatch.setattr(quantile_windows, "CELLS_PER_ERROR", ONE_BY_ONE)
    assert celled.std() == pytest.approx(differences(both, 0.99, seed=2).std(), rel=0.08)


def test_cells__same_seed__draws_the_same(pair):
    assert np.array_equal(differences(pair, 0.5), differences(pair, 0.5))


def test_cells__tied_values__stand_in_ascending_order_with_every_row_in_its_place(pair):
    whole = np.round(pair[0])
    window = window_of(whole, 0.5, None)
    place = window.places
    tops = [whole[place == cell].max() for cell in range(place.max())]
    floors = [whole[place == cell].min() for cell in range(1, place.max() + 1)]
    assert all(top <= floor for top, floor in zip(tops, floors, strict=True))
    assert (place == 0).sum() == window.below.sum()
    assert ((place > 0) & (place < place.max())).sum() == len(window.near)


@pytest.mark.parametrize("quantile", [0.5, 0.99])
def test_window__tied_values__holds_the_rows_of_a_stable_sort(pair, quantile):
    whole = np.round(pair[0])
    window = window_of(whole, quantile, None)
    order = np.argsort(whole, kind="stable")
    low = int(window.below.sum())
    assert np.array_equal(window.near, order[low : low + len(window.near)])
    assert set(np.flatnonzero(window.below)) == set(order[:low])


def test_cells__same_answers_near_the_quantile__draw_no_difference(pair):
    far = pair[0] > np.quantile(pair[0], 0.9)
    assert not differences([np.where(far, pair[0] * 2, pair[0]), pair[0]], 0.5).any()


@pytest.mark.parametrize("quantile", [0.5, 0.95])
def test_cells__draws__are_bent_as_rows_drawn_one_by_one(quantile, monkeypatch):
    draw = np.random.default_rng(4)
    before = draw.lognormal(3, 1.2, 4000)
    both = [before * draw.lognormal(0, 0.8, 4000), before]
    celled = np.concatenate([differences(both, quantile, seed) for seed in range(5)])
    monkeypatch.setattr(quantile_windows, "CELLS_PER_ERROR", ONE_BY_ONE)
    rows = np.concatenate([differences(both, quantile, seed) for seed in range(5, 10)])
    assert skew(celled) == pytest.approx(skew(rows), abs=0.12)
