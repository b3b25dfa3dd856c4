"""Quantiles of many pairs, resampled in cells: as scipy has them, and as rows drawn one by one."""

import numpy as np
import pytest
from scipy.stats.mstats import hdquantiles

from benchmarks.engine import quantiles
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
    window = quantiles._window(pair[0], quantile, None)
    assert window.cell > 1
    place = quantiles._places(window)
    _, firsts, sizes = np.unique(place, return_index=True, return_counts=True)
    found = quantiles._smoothed_cells(window, (sizes / N)[None, :], place[firsts])[0]
    error = differences([pair[0], pair[0][::-1]], quantile).std() / np.sqrt(2)
    assert abs(found - float(hdquantiles(pair[0], [quantile])[0])) < 0.002 * error


@pytest.mark.parametrize("quantile", [0.5, 0.95])
def test_cells__draws__spread_as_rows_drawn_one_by_one(pair, quantile, monkeypatch):
    celled = differences(pair, quantile)
    monkeypatch.setattr(quantiles, "CELLS_PER_ERROR", ONE_BY_ONE)
    rows = differences(pair, quantile, seed=2)
    # The spread of 2,000 draws is itself known to 1.6 %.
    assert celled.std() == pytest.approx(rows.std(), rel=0.08)
    assert abs(celled.mean() - rows.mean()) < 0.1 * rows.std()
    for tail in (0.025, 0.975):
        assert abs(np.quantile(celled, tail) - np.quantile(rows, tail)) < 0.2 * rows.std()


def test_cells__same_seed__draws_the_same(pair):
    assert np.array_equal(differences(pair, 0.5), differences(pair, 0.5))


def test_cells__tied_values__stand_in_ascending_order_with_every_row_in_its_place(pair):
    whole = np.round(pair[0])
    window = quantiles._window(whole, 0.5, None)
    place = quantiles._places(window)
    tops = [whole[place == cell].max() for cell in range(place.max())]
    floors = [whole[place == cell].min() for cell in range(1, place.max() + 1)]
    assert all(top <= floor for top, floor in zip(tops, floors, strict=True))
    assert (place == 0).sum() == window.below.sum()
    assert ((place > 0) & (place < place.max())).sum() == len(window.near)
