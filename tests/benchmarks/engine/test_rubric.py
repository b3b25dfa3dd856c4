"""The rubric: what it refuses, and that no score appears where a metric is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.engine import rubric

pytestmark = pytest.mark.pure

RECALL = {"metric": "recall", "weight": 3, "worst": 0.2, "best": 0.8}
ALARMS = {"metric": "false_alarm_rate", "weight": 1, "worst": 0.2, "best": 0.0}


def test_score__values_halfway__is_the_weighted_mean_of_their_shares():
    values = {"recall": (0.5, 0.4, 0.6), "false_alarm_rate": (0.05, 0.04, 0.06)}
    found = rubric.score([RECALL, ALARMS], values)
    assert found.points == pytest.approx((3 * 50 + 1 * 75) / 4)
    assert found.low == pytest.approx((3 * 100 / 3 + 1 * 70) / 4)
    assert found.high == pytest.approx((3 * 200 / 3 + 1 * 80) / 4)


def test_score__beyond_worst_and_best__stays_between_0_and_100():
    values = {"recall": (0.1, 0.05, 0.15), "false_alarm_rate": (0.0, 0.0, 0.0)}
    assert rubric.score([RECALL, ALARMS], values).points == pytest.approx(25)


def test_score__metric_without_value__is_none_and_names_it():
    found = rubric.score([RECALL, ALARMS], {"recall": (0.5, 0.4, 0.6)})
    assert found.points is None
    assert found.missing == ("false_alarm_rate",)


def test_score__value_without_interval__has_points_and_no_ends():
    values = {"recall": (0.5, None, None), "false_alarm_rate": (0.05, 0.04, 0.06)}
    found = rubric.score([RECALL, ALARMS], values)
    assert found.points is not None
    assert found.low is None
    assert found.high is None


def test_score__no_rubric__is_no_score():
    assert rubric.score([], {}).points is None


def test_problems__detection_alone__is_refused_as_rewarding_an_alarm_that_never_stops():
    assert "ignores false alarms" in rubric.problems([RECALL])[0]
    assert rubric.problems([RECALL, ALARMS]) == []
    assert rubric.problems([]) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({**RECALL, "metric": "luck"}, "no metric called"),
        ({**RECALL, "weight": 0}, "weight above 0"),
        ({**RECALL, "weight": True}, "needs numbers"),
        ({**RECALL, "worst": float("nan")}, "needs numbers"),
        ({**RECALL, "best": 0.1}, "above worst"),
        ({**ALARMS, "best": 0.5}, "below worst"),
        ({**RECALL, "bonus": 1}, "unknown parts: bonus"),
    ],
)
def test_problems__slip_in_a_line__is_named(line, said):
    assert any(said in problem for problem in rubric.problems([line, ALARMS]))


def test_problems__metric_weighed_twice__is_named():
    assert any("weighed twice" in one for one in rubric.problems([RECALL, RECALL, ALARMS]))


@pytest.mark.parametrize("lines", [None, {}, "recall", [1]])
def test_problems__not_a_list_of_objects__is_said_in_one_sentence(lines):
    assert len(rubric.problems(lines)) == 1


SHARES = st.floats(0, 1)


@given(SHARES, SHARES, SHARES, SHARES)
def test_score__better_in_one_metric__is_never_lower(recall, alarms, more, fewer):
    def points(found, cried):
        values = {"recall": (found, None, None), "false_alarm_rate": (cried, None, None)}
        return rubric.score([RECALL, ALARMS], values).points

    assert points(max(recall, more), min(alarms, fewer)) >= points(recall, alarms) - 1e-9
