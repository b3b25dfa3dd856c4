"""The area under the curve against scikit-learn and against its definition, pair by pair."""

import numpy as np
import pytest
from engine_frames import scored_frame
from sklearn.metrics import roc_auc_score

from benchmarks.engine.auc import Placement, area, area_difference, area_interval
from benchmarks.engine.scored import scored

pytestmark = pytest.mark.pure


def by_definition(frame):
    """Placement values from every positive–negative pair."""
    positive = frame.loc[frame.label == 1, "score"].to_numpy()[:, None]
    negative = frame.loc[frame.label == 0, "score"].to_numpy()[None, :]
    beats = (positive > negative) + 0.5 * (positive == negative)
    return beats.mean(axis=1), beats.mean(axis=0)


def tied_frame(seed=0, noise=0.0):
    frame = scored_frame(150, seed, noise=noise)
    return frame.assign(score=frame.score.round(1))


def test_area__with_ties__agrees_with_scikit_learn():
    frame = tied_frame()
    found = Placement(scored(frame)).area
    assert found == pytest.approx(roc_auc_score(frame.label, frame.score), abs=1e-12)


def test_area_variance__with_ties__is_delongs_by_definition():
    frame = tied_frame()
    positives, negatives = by_definition(frame)
    expected = positives.var(ddof=1) / len(positives) + negatives.var(ddof=1) / len(negatives)
    assert area(Placement(scored(frame))).variance == pytest.approx(expected)


def test_area_difference__correlated_curves__has_delongs_variance_by_definition():
    first, second = tied_frame(), tied_frame(noise=1.0)
    (up1, down1), (up2, down2) = by_definition(first), by_definition(second)
    up, down = np.cov(up1, up2), np.cov(down1, down2)
    contrast = np.array([-1.0, 1.0])
    covariance = up / len(up1) + down / len(down1)
    found = area_difference(Placement(scored(second)), Placement(scored(first)))
    assert found.variance == pytest.approx(contrast @ covariance @ contrast)
    assert found.value == pytest.approx(up2.mean() - up1.mean())


def test_area_variance__each_item_its_own_cluster__equals_the_plain_one():
    frame = tied_frame()
    single = frame.assign(cluster=np.arange(len(frame)))
    plain, clustered = area(Placement(scored(frame))), area(Placement(scored(single)))
    assert clustered.variance == pytest.approx(plain.variance)


def test_area_variance__items_repeated_within_clusters__is_not_fooled_by_the_copies():
    frame = tied_frame()
    copied = frame.loc[frame.index.repeat(4)]
    plain = area(Placement(scored(frame)))
    naive = area(Placement(scored(copied.reset_index(drop=True))))
    clustered = area(Placement(scored(copied)))
    assert clustered.variance == pytest.approx(plain.variance, rel=0.02)
    assert naive.variance < plain.variance / 3


@pytest.mark.parametrize("skill", [0.0, 50.0])
def test_area_interval__perfect_or_useless_score__stays_inside_0_to_1_with_width(skill):
    interval = area_interval(Placement(scored(scored_frame(40, skill=skill))), 0.95)
    assert interval is not None
    assert 0 <= interval.low < interval.high <= 1


def test_area_interval__constant_score__does_not_claim_certainty():
    frame = scored_frame(60).assign(score=0.5)
    interval = area_interval(Placement(scored(frame)), 0.95)
    assert interval is not None
    assert interval.low < 0.5 < interval.high


def test_area_interval__one_positive__is_missing():
    frame = scored_frame(30).assign(label=[1] + [0] * 29)
    assert area_interval(Placement(scored(frame)), 0.95) is None
