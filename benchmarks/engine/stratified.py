"""Bootstrap of the area under the ROC curve within each class, for few positives or negatives.

Items of the larger class that lie alike between those of the rarer one are exchangeable: only
how many of each pattern are drawn matters, so the cost follows the rarer class.
"""

from __future__ import annotations

import numpy as np

from benchmarks.engine.draws import PATTERN_COST, Bootstrap, collect, unit_weights
from benchmarks.engine.scored import FloatArray, Scored

# With fewer items in the rarer class DeLong's normal interval is replaced by this bootstrap.
FEW_POSITIVES = 50


def is_scarce(sample: Scored) -> bool:
    """Whether the bootstrap within classes is asked for (clusters cut across the classes)."""
    positives = sample.positives or 0
    return sample.cluster is None and min(positives, sample.n - positives) < FEW_POSITIVES


def area_draws(
    samples: list[Scored], rng: np.random.Generator, resamples: int
) -> tuple[FloatArray, FloatArray]:
    """Areas (samples,) and their draws (resamples × samples); the samples share their items."""
    positive = samples[0]["label"] == 1
    rarer = positive if positive.sum() * 2 <= len(positive) else ~positive
    places = [_places(sample["score"], rarer) for sample in samples]
    codes = np.column_stack([place for pair in places for place in pair])
    few, many = int(rarer.sum()), len(codes)
    patterns, sizes = np.unique(codes, axis=0, return_counts=True)
    drawn_few = np.concatenate(list(unit_weights(rng, few, resamples))) / few
    if len(patterns) * PATTERN_COST < many:
        drawn_many = rng.multinomial(many, sizes / many, size=resamples) / many
    else:
        patterns, sizes = codes, np.ones(many, dtype=np.int64)
        drawn_many = np.concatenate(list(unit_weights(rng, many, resamples))) / many
    values, draws = [], []
    for number in range(len(samples)):
        # Share of the rarer items above each pattern, a tie counting one half.
        left, right = patterns[:, 2 * number], patterns[:, 2 * number + 1]
        rank = np.arange(few)[:, None]
        above = (rank >= right) + 0.5 * ((rank >= left) & (rank < right))
        order = np.argsort(samples[number]["score"][rarer], kind="stable")
        wins = above[np.argsort(order)]
        values.append(float(wins.mean(axis=0) @ (sizes / many)))
        draws.append(((drawn_few @ wins) * drawn_many).sum(axis=1))
    areas, table = np.array(values), np.column_stack(draws)
    return (areas, table) if rarer is positive else (1 - areas, 1 - table)


def _places(scores: FloatArray, rarer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each item of the larger class stands among the ordered rarer ones."""
    ordered = np.sort(scores[rarer])
    others = scores[~rarer]
    return (
        np.searchsorted(ordered, others, side="left"),
        np.searchsorted(ordered, others, side="right"),
    )


def area_difference_bootstrap(
    candidate: Scored,
    baseline: Scored,
    *,
    paired: bool,
    rng: np.random.Generator,
    resamples: int,
) -> Bootstrap:
    """Candidate − baseline; pairs are drawn together, labels being the same."""
    if paired:
        areas, table = area_draws([candidate, baseline], rng, resamples)
        value, draws = areas[0] - areas[1], table[:, 0] - table[:, 1]
    else:
        first = area_draws([candidate], rng, resamples)
        second = area_draws([baseline], rng, resamples)
        value, draws = first[0][0] - second[0][0], first[1][:, 0] - second[1][:, 0]
    sizes = [_rarer_size(sample) for sample in (candidate, baseline)]
    return collect(float(value), draws, np.empty(0), np.empty(0), min(sizes))


def _rarer_size(sample: Scored) -> int:
    positives = sample.positives or 0
    return min(positives, sample.n - positives)
