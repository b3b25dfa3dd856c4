"""Who has to sign, and whether the people there are can do it."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.choices import Role
from rollouts import policy
from tests import builders
from tests.rollouts.world import World


@pytest.mark.parametrize(
    ("people", "possible"),
    [
        ({"a": {1}, "b": {2}}, True),
        ({"a": {1}, "b": {1}}, False),
        ({"a": {1, 2}, "b": {1}}, True),
        ({"a": {1}, "b": {1, 2}}, True),
        ({"a": {1}, "b": set()}, False),
        ({"a": {1}}, False),
    ],
)
def test_slots__by_the_people_who_could_fill_them__are_met_or_not(people, possible: bool):
    assert policy.can_be_met(["a", "b"], people) is possible


@given(
    st.dictionaries(
        st.sampled_from("abcd"), st.sets(st.integers(1, 5), max_size=4), min_size=1, max_size=4
    )
)
def test_slots__any_people__agree_with_trying_every_seating(people: dict[str, set[int]]):
    slots = sorted(people)
    seatings = permutations(range(1, 6), len(slots))
    by_trying = any(
        all(person in people[slot] for slot, person in zip(slots, seating, strict=True))
        for seating in seatings
    )
    assert policy.can_be_met(slots, people) is by_trying


@pytest.mark.parametrize(
    ("tier", "roles"),
    [
        ("low", [Role.DATA_SCIENCE]),
        ("medium", [Role.DATA_SCIENCE, Role.PRODUCT]),
        ("high", [Role.DATA_SCIENCE, Role.PRODUCT, Role.RISK]),
    ],
)
def test_slots__by_risk_tier__ask_more_functions(world: World, tier: str, roles: list[Role]):
    plan = world.draft(risk_tier=tier)
    assert policy.slots_for(plan, "plan") == policy.slots_for(plan, "stage") == roles


def test_eligible__machines_the_inactive_and_the_excluded__are_left_out(world: World):
    gone = builders.a_person(world.project, Role.PRODUCT)
    gone.is_active = False
    gone.save()
    machine = builders.a_service(world.project)
    builders.Membership(user=machine, project=world.project, role=Role.PRODUCT).record(by=None)
    assert policy.eligible(world.project, Role.PRODUCT) == {world.product.pk}
    assert policy.eligible(world.project, Role.PRODUCT, excluding=[world.product.pk]) == set()


def test_contributors__owner_editors_registrar_and_who_ran_the_evidence__are_all_found(
    world: World,
):
    editor = builders.a_person(world.project, Role.CONTRIBUTOR)
    runner = builders.a_person(world.project, Role.CONTRIBUTOR)
    heir = builders.a_person(world.project, Role.CONTRIBUTOR)
    world.judge(by=runner)
    plan = world.draft()
    stage = plan.stages.get()
    stage.cohort = "Everybody in Newark"
    stage.record(by=editor, reason="narrowed")
    plan.owner = heir
    plan.record(by=world.author, reason="handed over")
    assert policy.contributors(plan) == {world.author.pk, editor.pk, runner.pk, heir.pk}


def test_contributors__machine_that_ran_the_evidence__is_not_one(world: World):
    world.judge(by=world.adapter)
    assert world.adapter.pk not in policy.contributors(world.draft())


def test_contributors__reviewers_and_operators_who_moved_the_plan__are_not(world: World):
    plan = world.running()
    assert policy.contributors(plan) == {world.author.pk}
