"""The page about load, what it shows of failures, and the editor that declares a load."""

import pytest
import skops.io
from django.urls import reverse
from django.utils.http import urlencode

from benchmarks import actions
from benchmarks.engine.load import SETTINGS
from benchmarks.models import Scenario
from benchmarks.stress_form import StressForm
from tests.benchmarks import small_world, stressed
from tests.benchmarks.servers.open_inference import Served, open_inference


@pytest.fixture
def served(settings):
    content = small_world.artifact(stressed.COLUMNS)
    with open_inference(Served(skops.io.loads(content))) as server:
        settings.OUTBOUND_HOSTS = [server.origin]
        yield server


def page_of(client, world, name, pk):
    client.force_login(world.owner)
    answer = client.get(reverse(name, args=[world.project.slug, pk]))
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


# -- the page ---------------------------------------------------------------------------------


def test_load_page__outage__shows_figures_causes_and_seconds_in_a_table(client, world, served):
    suite = stressed.suite_under(world, stressed.OUTAGE)
    run = stressed.evaluated(stressed.register(world, served.origin), suite, world.owner)
    load = run.parts.get().load
    page = page_of(client, world, "run-load", run.pk)
    for words in (
        "80 requests a second for 1.5 s at even distances",
        "Refused by what lies before the model",
        "counts with its deadline of 2,000 ms",
        "The outage begins at second 0.5",
        "Time to answer",
        "≥ 2,000 ms",
        '<th scope="col" class="num">Offered</th>',
    ):
        assert words in page, words
    first = load["series"][0]
    row = "".join(f'<td class="num">{first[key]}</td>' for key in ("offered", "answered"))
    assert f'<th scope="row">0 s</th>{row}' in page
    assert "Baseline" not in page.split("<main")[1]
    assert reverse("run-load", args=[world.project.slug, run.pk]) in page_of(
        client, world, "run-detail", run.pk
    )


def test_load_page__backfill__shows_the_backlog_over_time_with_its_table(client, world, served):
    suite = stressed.suite_under(world, stressed.BACKFILL)
    run = stressed.evaluated(stressed.register(world, served.origin), suite, world.owner)
    found = run.parts.get().load["backfill"]
    page = page_of(client, world, "run-load", run.pk)
    for words in (
        "sent again at 30 a second, until 5 s after the end",
        "The backlog over time",
        '<th scope="col" class="num">Waiting</th>',
        "Age when answered, 95th percentile",
        "from the end of the outage",
        "Live requests while the backlog was drained",
        "stays an error of the live load",
    ):
        assert words in page, words
    first = found["series"][0]
    cells = "".join(f'<td class="num">{first[key]}</td>' for key in ("waiting", "came", "left"))
    assert f'<th scope="row">0 s</th>{cells}' in page


def test_load_page__backfill_of_nothing__says_so_and_shows_no_figure(client, world, served):
    stress = {**stressed.STEADY, "delay_ms": 1, "delay_share": 0.1}
    stress |= {"backfill_rate": 10, "backfill_seconds": 1}
    suite = stressed.suite_under(world, stress)
    run = stressed.evaluated(stressed.register(world, served.origin), suite, world.owner)
    page = page_of(client, world, "run-load", run.pk)
    assert "Every request was answered in time: nothing to backfill." in page
    assert "was not shown" in page
    assert "Time to drain" not in page


def test_load_page__beside_a_baseline__shows_its_figures_only_where_asked_alike(
    client, world, served, settings
):
    with open_inference(Served(served.model, version="8")) as other:
        settings.OUTBOUND_HOSTS = [served.origin, other.origin]
        suite = stressed.suite_under(world, stressed.STEADY)
        before = stressed.evaluated(stressed.register(world, served.origin), suite, world.owner)
        second = stressed.register(world, other.origin, version="http-2")
        after = stressed.evaluated(second, suite, world.owner, baseline_run=before)
        assert "Baseline http</th>" in page_of(client, world, "run-load", after.pk)
        scenario = suite.scenarios.get()
        scenario.stress = stressed.OUTAGE
        scenario.record(by=world.owner, reason="harder")
        harder = stressed.evaluated(second, suite, world.owner, baseline_run=before)
        assert "Baseline http</th>" not in page_of(client, world, "run-load", harder.pk)


def test_load_page__backfill_beside_a_baseline__shows_both(client, world, served, settings):
    with open_inference(Served(served.model, version="8")) as other:
        settings.OUTBOUND_HOSTS = [served.origin, other.origin]
        suite = stressed.suite_under(world, stressed.BACKFILL)
        before = stressed.evaluated(stressed.register(world, served.origin), suite, world.owner)
        second = stressed.register(world, other.origin, version="http-2")
        after = stressed.evaluated(second, suite, world.owner, baseline_run=before)
    page = page_of(client, world, "run-load", after.pk)
    drained = f"{before.parts.get().load['backfill']['drain']['seconds']:.1f} s"
    assert f'<td class="text-end">{drained}</td></tr></tbody>' in page


def test_load_page__no_stress__says_how_to_declare_one(client, world):
    run = actions.start_run(world.versions["v2"], suite=world.suite, by=world.owner)
    page = page_of(client, world, "run-load", run.pk)
    assert "No scenario was put under load" in page
    assert "Performance under load</a>" not in page_of(client, world, "run-detail", run.pk)


def test_load_page__version_without_an_endpoint__says_so_and_shows_no_figures(client, world):
    suite = stressed.suite_under(world, stressed.STEADY)
    run = stressed.evaluated(world.versions["v2"], suite, world.owner)
    page = page_of(client, world, "run-load", run.pk)
    assert "this version has none" in page
    assert "Recovery" not in page


def test_load_page__waiting_run__says_that_nothing_is_measured_yet(client, world):
    suite = stressed.suite_under(world, stressed.STEADY)
    run = actions.start_run(world.versions["v2"], suite=suite, by=world.owner)
    assert "No worker has finished this scenario yet" in page_of(client, world, "run-load", run.pk)


def test_scenario_page__stress__is_said_in_words(client, world):
    scenario = stressed.suite_under(world, stressed.OUTAGE).scenarios.get()
    page = page_of(client, world, "scenario-detail", scenario.pk)
    assert "80 requests a second for 1.5 s" in page


# -- the editor -------------------------------------------------------------------------------


def save(client, world, **changes):
    scenario = Scenario.objects.get(key="scenario-1")
    client.force_login(world.owner)
    fields = {
        "steps": 0, "do": "save", "title": "Loaded", "seed": 7, "reason": "Harder.",
        "criteria-INITIAL_FORMS": 0, "criteria-TOTAL_FORMS": 0,
        **{f"stress-{name}": value for name, value in changes.items()},
    }  # fmt: skip
    answer = client.post(
        reverse("scenario-edit", args=[world.project.slug, scenario.pk]),
        urlencode(fields, doseq=True),
        content_type="application/x-www-form-urlencoded",
    )
    scenario.refresh_from_db()
    return answer, scenario


def test_editor__load_typed__is_saved_and_shown_again(client, world):
    typed = {"rate": "25", "seconds": "8", "retries": "2", "arrivals": "poisson",
             "partial_share": "0.1", "partial_columns": ["x", "z"]}  # fmt: skip
    answer, scenario = save(client, world, **typed)
    assert answer.status_code == 302
    assert scenario.stress == {
        "rate": 25.0,
        "seconds": 8.0,
        "retries": 2,
        "arrivals": "poisson",
        "partial_share": 0.1,
        "partial_columns": ["x", "z"],
    }
    page = page_of(client, world, "scenario-edit", scenario.pk)
    assert 'name="stress-rate" value="25.0"' in page
    assert '<option value="poisson" selected>' in page


def test_editor__load_left_empty__is_no_stress(client, world):
    answer, scenario = save(client, world)
    assert answer.status_code == 302
    assert scenario.stress == {}


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"rate": "25"}, "A stress needs “seconds”."),
        ({"rate": "600", "seconds": "8"}, "“rate” must be a number from 0.1 to 500."),
        ({"rate": "much", "seconds": "8"}, "Enter a number."),
        ({"rate": "25", "seconds": "8", "retries": "1.5"}, "Enter a whole number."),
        ({"arrivals": "poisson"}, "A stress needs “rate”."),
    ],
)
def test_editor__load_that_cannot_be__is_refused_in_a_sentence_and_kept_typed(
    client, world, typed, words
):
    answer, scenario = save(client, world, **typed)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert words in page
    assert '<details class="disclosure" open>' in page
    assert scenario.stress == {}


def test_editor__one_more_step__keeps_the_load_that_was_typed(client, world):
    scenario = Scenario.objects.get(key="scenario-1")
    client.force_login(world.owner)
    answer = client.post(
        reverse("scenario-edit", args=[world.project.slug, scenario.pk]),
        {"steps": 0, "do": "add", "new_kind": "noise", "stress-rate": "33", "stress-seconds": "x"},
    )
    page = " ".join(answer.content.decode().split())
    assert 'name="stress-rate" value="33"' in page
    assert "Enter a number" not in page


@pytest.mark.pure
def test_form__every_setting_of_the_engine__has_its_field_and_says_what_empty_means():
    form = StressForm(columns=["x"])
    assert {setting.name for setting in SETTINGS} < set(form.fields)
    assert all("mpty" in form.fields[setting.name].help_text for setting in SETTINGS)
