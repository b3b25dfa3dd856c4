"""The editors: every kind of step can be typed, previewed on real rows, saved and read back."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from benchmarks import actions
from benchmarks.engine import perturbations
from benchmarks.engine.perturbations import PERTURBATIONS
from benchmarks.models import Criterion, MetricSpec, Scenario
from benchmarks.panels.previews import preview
from benchmarks.step_forms import carried_steps, initial_of, step_forms
from tests.benchmarks.judged import post

COLUMNS = {"x": "number", "label": "number", "city": "string", "day": "datetime", "wet": "boolean"}
#: One believable step of every kind; a kind without one fails the first test.
STEPS = {
    "missing": {"columns": ["x", "city"], "share": 0.5},
    "noise": {"column": "x", "sd": 1.5, "unit": "column sd", "minimum": 0, "maximum": 9},
    "scale": {"column": "x", "factor": 2.0, "offset": 1.0},
    "stuck": {"column": "city", "value": "Rome", "group_column": "wet", "group_value": True},
    "rounding": {"column": "x", "step": 0.5},
    "outliers": {"column": "x", "share": 0.1, "size": 5},
    "stale": {"columns": ["x"], "by": ["city"], "time": "day", "hours": 24},
    "swap_categories": {"column": "city", "mapping": {"Rome": "Oslo", "Oslo": "Rome"}},
    "unseen_level": {"column": "city", "level": "Atlantis", "share": 0.2},
    "permute": {"column": "x"},
    "shift": {"column": "x", "amount": 1, "modulo": 24},
    "resample": {"column": "city", "weights": {"Rome": 4.0}, "size": 0.5},
    "label_shift": {"column": "label", "target": 0.4, "positive": 1},
    "ablate": {"columns": ["x", "city"]},
    "shock": {"columns": ["x"], "against": ["label"], "size": 2.0, "by": ["city"]},
    "replay": {"columns": ["x"], "time": "day", "first": "2024-01-01", "last": "2024-01-02"},
    "corrupt_type": {"column": "x", "how": "decimal comma", "share": 0.2},
    "label_noise": {"column": "label", "share": 0.1},
    "typos": {"column": "city", "per_hundred": 5, "share": 0.2},
    "casing": {"column": "city", "to": "upper case"},
    "punctuation": {"column": "city", "to": "doubled"},
    "truncate": {"column": "city", "length": 3},
    "tilt": {"column": "x", "strength": -1.5},
    "drop_rows": {"share": 0.2},
    "duplicate_rows": {"share": 0.2},
}


@pytest.fixture
def scenario(world) -> Scenario:
    return Scenario.objects.get(key="scenario-1")


def url(name, world, **kwargs):
    return reverse(name, kwargs={"project": world.project.slug, **kwargs})


def sent(steps, **changes) -> str:
    """What a browser sends for these steps and one criterion."""
    pairs = [("steps", len(steps)), ("do", "save"), ("criteria-INITIAL_FORMS", 0)]
    for number, step in enumerate(steps):
        pairs.append((f"step-{number}-kind", step["kind"]))
        for name, value in initial_of(step).items():
            values = value if isinstance(value, list) else [value]
            pairs += [(f"step-{number}-{name}", each) for each in values]
    fields = {"title": "Blur", "seed": 7, "criteria-TOTAL_FORMS": 0, "reason": "Sharper."}
    return urlencode([*pairs, *{**fields, **changes}.items()])


def send(client, address, steps, **changes):
    form = "application/x-www-form-urlencoded"
    return client.post(address, sent(steps, **changes), content_type=form)


# -- steps ------------------------------------------------------------------------------------


@pytest.mark.pure
@pytest.mark.parametrize("kind", sorted(PERTURBATIONS))
def test_step__of_every_kind__is_read_back_as_it_was_stored(kind):
    step = {"kind": kind, "parameters": STEPS[kind]}
    assert perturbations.problems([step], COLUMNS) == []
    (form,) = step_forms(QueryDict(sent([step])), [], COLUMNS)
    assert form.is_valid(), form.errors
    assert form.step == step


@pytest.mark.pure
def test_step__mapping_line_without_an_equals_sign__is_named():
    step = {"kind": "swap_categories", "parameters": {"column": "city", "mapping": {}}}
    data = QueryDict(sent([step]) + "&step-0-mapping=Rome")
    (form,) = step_forms(data, [], COLUMNS)
    assert not form.is_valid()
    assert form.errors["mapping"] == ["Line 1 is not of the form: old = new."]


@pytest.mark.pure
@pytest.mark.parametrize("count", ["", "x", "-1", "99999999999", "5"])
def test_steps__wrong_count__are_only_those_that_were_sent(count):
    assert step_forms(QueryDict(f"steps={count}"), [], COLUMNS) == []


@pytest.mark.pure
def test_steps__one_taken_away_and_one_added__keep_what_was_typed():
    steps = [{"kind": kind, "parameters": STEPS[kind]} for kind in ("missing", "rounding")]
    data = QueryDict(sent(steps))
    (left,) = carried_steps(data, COLUMNS, without=0, plus="")
    assert (left.perturbation.kind, left.initial["step"]) == ("rounding", "0.5")
    more = carried_steps(data, COLUMNS, without=None, plus="permute")
    assert [form.perturbation.kind for form in more] == ["missing", "rounding", "permute"]
    assert more[0].initial["columns"] == ["x", "city"]
    assert not any(form.is_bound for form in more)


@pytest.mark.pure
def test_steps__several_columns_in_any_list__are_all_carried_on():
    parameters = {"columns": ["x", "label"], "against": ["x", "label"], "size": 1.0}
    data = QueryDict(sent([{"kind": "shock", "parameters": parameters}]))
    (kept,) = carried_steps(data, COLUMNS, without=None, plus="")
    assert kept.initial["against"] == ["x", "label"]


# -- preview ----------------------------------------------------------------------------------


def test_preview__noise__shows_rows_that_differ_and_both_distributions(world):
    step = {"kind": "noise", "parameters": {"column": "x", "sd": 1.0}}
    found = preview(world.data, [step], seed=3)
    assert found.cells_changed == len(world.frame)
    assert all(cells[0].is_changed for _, cells in found.rows)
    (change,) = found.changes
    assert sum(change.before) == sum(change.after) == len(world.frame)


def test_preview__same_seed__shows_the_same(world):
    step = {"kind": "missing", "parameters": {"columns": ["x"], "share": 0.3}}
    assert preview(world.data, [step], seed=3) == preview(world.data, [step], seed=3)
    assert preview(world.data, [step], seed=4) != preview(world.data, [step], seed=3)


def test_preview__sensitive_column__is_withheld(world):
    columns = [dict(column) for column in world.data.columns]
    for column in columns:
        if column["name"] == "x":
            column["sensitivity"] = "restricted"
    type(world.data).objects.filter(pk=world.data.pk).update(columns=columns)
    world.data.refresh_from_db()
    found = preview(world.data, [{"kind": "permute", "parameters": {"column": "x"}}], seed=1)
    assert {cell.before for _, cells in found.rows for cell in cells} == {"withheld"}
    assert found.changes[0].withheld
    assert not found.changes[0].before


def test_preview__rows_drawn_anew__says_how_many_and_never_that_nothing_changed(client, world):
    step = {"kind": "drop_rows", "parameters": {"share": 0.5}}
    found = preview(world.data, [step], seed=1)
    assert found.rows_after < found.rows_before
    client.force_login(world.owner)
    address = url("scenario-create", world) + f"?dataset={world.dataset.pk}"
    page = send(client, address, [step], do="preview").content.decode()
    assert "rows became" in page
    assert "Nothing changes" not in page


def test_preview__step_that_does_not_fit__says_so_and_writes_nothing(client, world, scenario):
    client.force_login(world.owner)
    step = {"kind": "noise", "parameters": {"column": "x", "sd": -1}}
    page = send(client, url("scenario-edit", world, pk=scenario.pk), [step], do="preview")
    assert "must be at least 0" in page.content.decode()
    scenario.refresh_from_db()
    assert scenario.perturbation[0]["parameters"]["sd"] == 0.1


# -- saving -----------------------------------------------------------------------------------


def test_scenario__written_on_the_page__has_all_its_parts(client, world):
    client.force_login(world.owner)
    metric = MetricSpec.objects.get(project=world.project, key="accuracy")
    criterion = {
        "criteria-TOTAL_FORMS": 1,
        "criteria-0-metric": metric.pk,
        "criteria-0-change_threshold": 0.02,
        "criteria-0-why": "Users notice.",
    }
    answer = send(
        client,
        url("scenario-create", world) + f"?dataset={world.dataset.pk}",
        [{"kind": "rounding", "parameters": {"column": "x", "step": 0.5}}],
        key="coarse",
        dataset_version=world.data.pk,
        slices=world.slices[0].pk,
        **criterion,
    )
    assert answer.status_code == 302, answer.context["editor"].form.errors
    written = Scenario.objects.get(key="coarse")
    assert written.in_words() == "x rounded to multiples of 0.5"
    assert [link.slice for link in written.slice_links.all()] == [world.slices[0]]
    assert written.criteria.get().change_threshold == 0.02


def test_scenario__edited__changes_later_runs_and_no_earlier_plan(client, world, scenario):
    before = post(world, "v1")
    client.force_login(world.owner)
    steps = [{"kind": "rounding", "parameters": {"column": "x", "step": 2.0}}]
    answer = send(
        client,
        url("scenario-edit", world, pk=scenario.pk),
        steps,
        dataset_version=world.data.pk,
    )
    assert answer.status_code == 302
    before.refresh_from_db()
    after = post(world, "v1")
    frozen = [
        next(one for one in run.plan["scenarios"] if one["key"] == scenario.key)
        for run in (before, after)
    ]
    assert [one["perturbation"][0]["kind"] for one in frozen] == ["noise", "rounding"]
    assert (len(frozen[0]["criteria"]), len(frozen[1]["criteria"])) == (1, 0)
    gone = Criterion.history.filter(scenario=scenario, history_type="-").get()
    assert gone.history_user == world.owner


def test_scenario__edited_without_a_reason__keeps_what_was_typed(client, world, scenario):
    client.force_login(world.owner)
    page = send(client, url("scenario-edit", world, pk=scenario.pk), [], title="Else", reason="")
    assert page.status_code == 200
    assert "Else" in page.content.decode()
    scenario.refresh_from_db()
    assert scenario.title != "Else"


def test_scenario__two_criteria_for_one_cell__are_refused_and_nothing_changes(world, scenario):
    metric = MetricSpec.objects.get(project=world.project, key="accuracy")
    rule = {"metric": metric, "change_threshold": 0.1, "why": "Twice."}
    with pytest.raises(ValidationError, match="has two criteria"):
        actions.change_scenario(
            scenario,
            by=world.owner,
            reason="More.",
            slices=[],
            assumptions=[],
            criteria=[rule, rule],
            title="Else",
        )
    scenario.refresh_from_db()
    assert scenario.title != "Else"
    assert scenario.criteria.get().change_threshold == 0.05


def test_scenario__same_criteria_again__leaves_no_trace(world, scenario):
    row = scenario.criteria.get()
    states = Criterion.history.count()
    rule = {"metric": row.metric, "slice": None, "change_threshold": 0.05, "why": row.why}
    actions.change_scenario(
        scenario,
        by=world.owner,
        reason="Nothing.",
        slices=list(scenario.slices.all()),
        assumptions=[],
        criteria=[rule],
    )
    assert Criterion.history.count() == states


def test_scenario__reviewer__may_not_edit(world, scenario):
    with pytest.raises(PermissionDenied):
        actions.change_scenario(
            scenario, by=world.reviewer, reason="Mine.", slices=[], assumptions=[], criteria=[]
        )


def test_suite__edited__keeps_the_order_of_those_that_stay_and_adds_the_new(client, world):
    client.force_login(world.owner)
    extra = actions.write_scenario(
        world.project,
        key="a-new-one",
        title="A new one",
        dataset=world.dataset,
        dataset_version=world.data,
        by=world.owner,
    )
    first, second, third = (place.scenario for place in world.suite.places.all())
    answer = client.post(
        url("suite-edit", world, pk=world.suite.pk),
        {
            "title": "Smaller",
            "metrics": ["accuracy"],
            "scenarios": [extra.pk, third.pk, first.pk],
            "unit_of_independence": "one row",
            "error_budget": 0,
            "reason": "The second says nothing.",
        },
    )
    assert answer.status_code == 302, answer.context["form"].errors
    assert [place.scenario for place in world.suite.places.all()] == [first, third, extra]
    assert second.places.count() == 0


def test_suite__left_without_scenarios__is_refused(world):
    with pytest.raises(ValidationError, match="could show nothing"):
        actions.change_suite(world.suite, scenarios=[], by=world.owner, reason="Empty.")
