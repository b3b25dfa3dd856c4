"""What an answer used: read from one place, believed only where it can be an amount."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.predictors.base import PredictorError
from benchmarks.predictors.usage import MOST, Tally, Terms, Use, of_answer, of_request

pytestmark = pytest.mark.pure

TOKENS = Terms("oip", counts_tokens=True)
COST = Terms("oip", counts_cost=True)


@pytest.mark.parametrize(
    ("protocol", "content"),
    [
        ("oip", {"parameters": {"tokens": 12, "cost": 0.003}}),
        ("mlflow", {"usage": {"total_tokens": 12, "cost": 0.003}}),
    ],
)
def test_answer__says_what_it_used__is_read_from_the_protocols_place(protocol, content):
    terms = Terms(protocol, counts_tokens=True, counts_cost=True)
    assert of_answer(content, terms) == Use(12, Decimal("0.003"))


@pytest.mark.parametrize("value", [-1, 1.5, "12", True, MOST + 1, [12]])
def test_answer__nonsense_for_tokens__is_an_error_and_not_0(value):
    with pytest.raises(PredictorError, match=r"“parameters\.tokens” is no number of tokens"):
        of_answer({"parameters": {"tokens": value}}, TOKENS)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "1", True, 2.0 * MOST])
def test_answer__nonsense_for_cost__is_an_error_and_not_0(value):
    with pytest.raises(PredictorError, match=r"“parameters\.cost” is no cost"):
        of_answer({"parameters": {"cost": value}}, COST)


@pytest.mark.parametrize("content", [{}, {"parameters": None}, {"parameters": {"tokens": None}}])
def test_answer__says_nothing__is_an_error_because_the_limit_cannot_be_kept(content):
    with pytest.raises(PredictorError, match=r"does not say what its answer used.*cannot be kept"):
        of_answer(content, TOKENS)


def test_answer__prices_declared__count_instead_of_its_own_word_on_the_cost():
    terms = Terms(
        "oip", counts_cost=True, requests_price=Decimal("0.5"), tokens_price=Decimal("2")
    )
    assert of_request(terms) == Use(cost=Decimal("0.0005"))
    told = {"parameters": {"tokens": 250, "cost": "unread"}}
    assert of_answer(told, terms) == Use(250, Decimal("0.5"))


def test_answer__price_of_requests_alone__reads_nothing_of_it():
    terms = Terms("oip", counts_cost=True, requests_price=Decimal("0.5"))
    assert of_answer({"parameters": "whatever"}, terms) == Use()


@given(st.lists(st.tuples(st.integers(0, 10**6), st.decimals(0, 1000, places=6))))
def test_tally__whatever_is_added__is_the_exact_sum(uses):
    tally = Tally()
    for tokens, cost in uses:
        tally.add(Use(tokens, cost))
    assert tally.used.tokens == sum(tokens for tokens, _ in uses)
    assert tally.used.cost == sum((cost for _, cost in uses), Decimal(0))
