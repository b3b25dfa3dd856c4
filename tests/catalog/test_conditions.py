"""The condition grammar: what it accepts, what it refuses in which words, how it reads aloud."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.conditions import OPS, columns_of, describe, problems

pytestmark = pytest.mark.pure

COLUMNS = {"origin": "string", "wind_speed": "number", "wet": "boolean", "scheduled": "datetime"}


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"column": "origin", "op": "eq", "value": "EWR"}, "origin is EWR"),
        ({"column": "origin", "op": "ne", "value": ""}, "origin is not “”"),
        ({"column": "wind_speed", "op": "lt", "value": 2.5}, "wind speed below 2.5"),
        ({"column": "wind_speed", "op": "ge", "value": 20.0}, "wind speed at least 20"),
        ({"column": "wet", "op": "eq", "value": True}, "wet is true"),
        ({"column": "wind_speed", "op": "is_null"}, "wind speed is missing"),
        (
            {"column": "origin", "op": "in", "values": ["EWR", "JFK", "LGA"]},
            "origin is one of EWR, JFK or LGA",
        ),
        ({"column": "origin", "op": "not_in", "values": ["EWR"]}, "origin is none of EWR"),
        (
            {"column": "wind_speed", "op": "between", "values": [0, 10]},
            "wind speed from 0 to below 10",
        ),
        (
            {"column": "scheduled", "op": "between", "values": ["2013-07-01", "2013-08-01"]},
            "scheduled from 2013-07-01 to below 2013-08-01",
        ),
        (
            {
                "all": [
                    {"column": "origin", "op": "eq", "value": "EWR"},
                    {"column": "wind_speed", "op": "ge", "value": 20},
                ]
            },
            "origin is EWR and wind speed at least 20",
        ),
        (
            {
                "all": [
                    {"not": {"column": "wet", "op": "eq", "value": True}},
                    {
                        "any": [
                            {"column": "wind_speed", "op": "is_null"},
                            {"column": "wind_speed", "op": "gt", "value": 3},
                        ]
                    },
                ]
            },
            "not (wet is true) and (wind speed is missing or wind speed above 3)",
        ),
    ],
)
def test_condition__well_formed__has_no_problems_and_reads_aloud(condition, words):
    assert problems(condition, COLUMNS) == []
    assert describe(condition) == words


def test_describe__long_list__counts_the_rest():
    values = [f"A{number}" for number in range(10)]
    words = describe({"column": "origin", "op": "in", "values": values})
    assert words.endswith("A7 and 2 more")


@pytest.mark.parametrize(
    ("condition", "part"),
    [
        ({"column": "orign", "op": "eq", "value": "EWR"}, "did you mean “origin”"),
        ({"column": "zzz", "op": "eq", "value": 1}, "known are origin, wind_speed"),
        ({"op": "eq", "value": 1}, "needs “column”"),
        ({"column": "origin", "op": "equals", "value": "EWR"}, "Unknown op “equals”"),
        ({"column": "origin", "op": ["eq"], "value": "EWR"}, "Unknown op a list"),
        ({"column": "origin", "op": "eq", "value": "EWR", "sql": "1"}, "Unexpected here: “sql”"),
        ({"column": "origin", "op": "eq", "values": ["EWR"]}, "“eq” needs “value”"),
        ({"column": "origin", "op": "is_null", "value": 1}, "Unexpected here: “value”"),
        ({"column": "origin", "op": "in", "values": []}, "empty list"),
        ({"column": "origin", "op": "in", "values": "EWR"}, "must be a list, not text"),
        ({"column": "origin", "op": "in", "values": ["a"] * 501}, "501 values"),
        ({"column": "origin", "op": "eq", "value": "x" * 201}, "201 characters"),
        ({"column": "origin", "op": "eq", "value": "a\x00b"}, "control characters"),
        ({"column": "origin", "op": "eq", "value": 3}, "compared with 3, but needs text"),
        ({"column": "origin", "op": "eq", "value": None}, "use is_null"),
        ({"column": "origin", "op": "lt", "value": "M"}, "has no order"),
        ({"column": "wind_speed", "op": "ge", "value": "20"}, "needs a number"),
        ({"column": "wind_speed", "op": "ge", "value": True}, "needs a number"),
        ({"column": "wind_speed", "op": "ge", "value": math.inf}, "not a finite number"),
        ({"column": "wind_speed", "op": "ge", "value": 10**400}, "too large"),
        ({"column": "wind_speed", "op": "between", "values": [3]}, "exactly two values"),
        ({"column": "wind_speed", "op": "between", "values": [3, 3]}, "range is empty"),
        ({"column": "wet", "op": "eq", "value": 1}, "needs true or false"),
        ({"column": "scheduled", "op": "lt", "value": "July"}, "needs a date"),
        (
            {"column": "scheduled", "op": "between", "values": ["2013-07-01", "2013-08-01T00Z"]},
            "or neither",
        ),
        ({}, "is empty"),
        ([], "must be an object, not a list"),
        ({"all": []}, "“all” is an empty list"),
        ({"any": {"column": "origin"}}, "must hold a list"),
        ({"all": [{"column": "wet", "op": "not_null"}], "any": []}, "Unexpected here: “any”"),
        ({"all": [{"column": "wet", "op": "not_null"}, 7]}, "all 2: A condition must be"),
        ({"not": {"not": {"not": {"not": {"not": {}}}}}}, "deeper than 5"),
        ({"any": [{"column": "wet", "op": "not_null"}] * 51}, "more than 50"),
    ],
)
def test_problems__faulty_condition__says_what_to_change(condition, part):
    assert part in " ".join(problems(condition, COLUMNS))


def test_problems__without_columns__still_refuses_mixed_types():
    leaf = {"column": "anything", "op": "in", "values": [1, "1"]}
    assert problems(leaf) == ["All values of one list must be of the same type."]
    assert problems({"column": "anything", "op": "in", "values": [1, 1.5]}) == []


def test_problems__without_columns__orders_numbers_and_dates_only():
    assert problems({"column": "x", "op": "lt", "value": 3}) == []
    assert problems({"column": "x", "op": "lt", "value": "2013-07-01"}) == []
    assert "needs a date" in problems({"column": "x", "op": "lt", "value": "M"})[0]


def test_problems__wide_tree_within_depth__is_refused_before_it_is_walked():
    tree: object = {"column": "wet", "op": "not_null"}
    for _ in range(4):
        tree = {"all": [tree] * 40}
    assert problems(tree, COLUMNS) == [
        "The condition has more than 50 comparisons; split it into slices."
    ]


def test_columns_of__nested_condition__names_each_column_once():
    condition = {
        "all": [
            {"column": "origin", "op": "eq", "value": "EWR"},
            {"any": [{"not": {"column": "wet", "op": "is_null"}}]},
            {"column": "origin", "op": "ne", "value": "JFK"},
        ]
    }
    assert columns_of(condition) == {"origin", "wet"}


_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
_names = st.sampled_from(["column", "op", "value", "values", "all", "any", "not", "origin"])
_json = st.recursive(
    _scalars | st.sampled_from([*OPS, *COLUMNS]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(_names | st.text(max_size=5), inner)
    ),
    max_leaves=20,
)
_leaf = st.fixed_dictionaries(
    {"column": st.sampled_from(sorted(COLUMNS)), "op": st.sampled_from(OPS)},
    optional={"value": _scalars, "values": st.lists(_scalars, max_size=3)},
)
_tree = st.recursive(
    _leaf,
    lambda inner: (
        st.fixed_dictionaries({"all": st.lists(inner, max_size=3)})
        | st.fixed_dictionaries({"any": st.lists(inner, max_size=3)})
        | st.fixed_dictionaries({"not": inner})
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(_json | _tree, st.sampled_from([COLUMNS, None]))
def test_problems__any_json__never_raises_and_what_passes_describes_itself(condition, columns):
    found = problems(condition, columns)
    assert all(isinstance(sentence, str) and sentence for sentence in found)
    if not found:
        assert describe(condition)
        assert columns_of(condition)
