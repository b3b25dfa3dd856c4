"""Pages of runs, cells and comparisons: what they say, to whom, and at what cost."""

import csv
import io
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmarks.choices import RunStatus
from benchmarks.models import MetricComparison, RunPart
from benchmarks.panels import cells, comparisons, runs
from benchmarks.panels.reading import CellAddress, PlanWords
from benchmarks.views.comparisons import harmless
from catalog.choices import Role
from tests.benchmarks.judged import approve, post, work_off
from tests.builders import a_person, a_project

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_heartbeat(monkeypatch):
    # The heartbeat's own connection would not see this test's transaction.
    monkeypatch.setattr("benchmarks.jobs.renew", lambda job_id, fence: True)


@pytest.fixture
def pair(world):
    """v1 as approved baseline, and v2 answering the wrong way round, so that it regresses."""
    first = work_off(post(world, "v1"))
    approve(first, world)
    skipped = {"status": "skipped", "message": "The bench was busy."}
    second = work_off(post(world, "v2", "bad", scenario_1=skipped))
    assert (first.status, second.status) == (RunStatus.EVALUATED, RunStatus.EVALUATED)
    return SimpleNamespace(baseline=first, candidate=second)


def url(name, project, **kwargs):
    return reverse(name, kwargs={"project": project.slug, **kwargs})


def text_of(response):
    assert response.status_code == 200, response.status_code
    return " ".join(response.content.decode().split())


# -- the wall ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["run-detail", "run-progress", "measurement-detail", "comparison-detail"]
)
def test_page__of_another_project__is_answered_like_a_missing_one(client, world, pair, name):
    stranger = a_person(a_project("Loans"), Role.CONTRIBUTOR, name="stranger")
    pk = pair.candidate.comparison.pk if name == "comparison-detail" else pair.candidate.pk
    query = "?scenario=scenario-0&metric=accuracy&slice=all"
    client.force_login(stranger)
    assert client.get(url(name, world.project, pk=pk) + query).status_code == 404
    client.force_login(world.reviewer)
    assert client.get(url(name, world.project, pk=pk) + query).status_code == 200


def test_comparison_csv__of_another_project__is_missing(client, world, pair):
    client.force_login(a_person(a_project("Loans"), Role.CONTRIBUTOR, name="stranger"))
    place = url("comparison-csv", world.project, pk=pair.candidate.comparison.pk)
    assert client.get(place).status_code == 404


# -- the list ---------------------------------------------------------------------------------


def test_run_list__without_runs__says_how_one_begins(client, world):
    client.force_login(world.owner)
    assert "No runs yet" in text_of(client.get(url("run-list", world.project)))


def test_run_list__filtered_to_nothing__offers_all_runs(client, world, pair):
    client.force_login(world.owner)
    page = text_of(client.get(url("run-list", world.project) + "?status=errored"))
    assert "No run matches" in page
    assert "Show all runs" in page


@pytest.mark.parametrize(
    ("query", "versions"),
    [
        ("verdict=fail", {"v2"}),
        ("source=posted", {"v1", "v2"}),
        ("source=worker", set()),
        ("q=v1", {"v1"}),
    ],
)
def test_run_list__filtered__shows_only_what_was_asked_for(client, world, pair, query, versions):
    client.force_login(world.owner)
    page = client.get(f"{url('run-list', world.project)}?{query}")
    assert {run.model_version.version for run in page.context["object_list"]} == versions


def test_run_list__with_more_runs__asks_no_more_queries(client, world, pair):
    client.force_login(world.owner)
    place = url("run-list", world.project)
    client.get(place)
    few = queries_of(client, place)
    for _ in range(4):
        post(world, "v2")
    assert queries_of(client, place) == few <= 12


def queries_of(client, place):
    with CaptureQueriesContext(connection) as caught:
        assert client.get(place).status_code == 200
    return len(caught)


# -- while it works ---------------------------------------------------------------------------


def test_run_page__while_running__shows_parts_and_asks_again(client, world):
    run = work_off(post(world, "v1"), jobs=2)
    client.force_login(world.owner)
    page = text_of(client.get(url("run-detail", world.project, pk=run.pk)))
    assert "2 of 3 scenarios" in page
    assert f'hx-get="{url("run-progress", world.project, pk=run.pk)}"' in page
    assert "Refresh" in page
    assert "Criteria met" not in page


def test_run_progress__once_the_run_ended__stops_and_asks_for_the_whole_page(client, world):
    run = post(world, "v1")
    client.force_login(world.owner)
    place = url("run-progress", world.project, pk=run.pk)
    before = client.get(place)
    assert "HX-Refresh" not in before
    assert "hx-trigger" in text_of(before)
    work_off(run)
    after = client.get(place)
    assert after["HX-Refresh"] == "true"
    assert "hx-trigger" not in text_of(after)


def test_progress__before_the_first_part__knows_neither_rate_nor_time_left(world):
    run = post(world, "v1")
    found = runs.progress(run, PlanWords(run.plan), run.created_at)
    assert (found.done, found.total, found.per_minute, found.seconds_left) == (0, 3, None, None)
    assert found.stage == "Waiting for a worker to take the next part."


def test_progress__halfway__tells_rate_and_time_left_from_the_parts_done(world):
    run = work_off(post(world, "v1"), jobs=2)
    begun = run.created_at + timedelta(hours=1)  # a worker came an hour late
    done = run.parts.exclude(status="waiting")
    done.update(finished_at=begun + timedelta(seconds=10), seconds=10)
    found = runs.progress(run, PlanWords(run.plan), begun + timedelta(seconds=30))
    assert found.per_minute == pytest.approx(4)
    assert found.seconds_left == pytest.approx(15)


def test_run_page__errored__shows_the_error_and_no_verdict(client, world):
    run = post(world, "v1")
    run.status, run.error = RunStatus.ERRORED, "The judge ran out of memory."
    run.record(by=world.owner)
    client.force_login(world.owner)
    page = text_of(client.get(url("run-detail", world.project, pk=run.pk)))
    assert "The judge ran out of memory." in page
    assert "so there is no verdict" in page
    assert "hx-trigger" not in page


# -- once it is judged ------------------------------------------------------------------------


def test_run_page__judged__names_each_broken_criterion_beside_its_cell(client, world, pair):
    client.force_login(world.owner)
    page = text_of(client.get(url("run-detail", world.project, pk=pair.candidate.pk)))
    assert "Why it fails" in page
    assert "Users notice." in page
    assert "scenario=scenario-0&amp;metric=accuracy&amp;slice=all" in page


def test_run_page__skipped_scenario__says_so_over_its_whole_row(client, world, pair):
    client.force_login(world.owner)
    response = client.get(url("run-detail", world.project, pk=pair.candidate.pk))
    rows = {row.scenario.key: row for row in response.context["matrix"].rows}
    assert rows["scenario-1"].cells == ()
    assert rows["scenario-1"].silence == "The scenario was skipped. The bench was busy."
    assert 'colspan="3"' in text_of(response)


def test_run_page__metric_asked_for__fills_the_matrix(client, world, pair):
    client.force_login(world.owner)
    place = url("run-detail", world.project, pk=pair.candidate.pk)
    assert client.get(place).context["metric"].key == "accuracy"
    assert client.get(place + "?metric=roc_auc").context["metric"].key == "roc_auc"
    assert client.get(place + "?metric=nonsense").context["metric"].key == "accuracy"


def test_matrix__value_of_each_cell__is_the_stored_measurement(client, world, pair):
    client.force_login(world.owner)
    response = client.get(url("run-detail", world.project, pk=pair.candidate.pk))
    shown = {
        (row.scenario.key, cell.slice.key): cell.value
        for row in response.context["matrix"].rows
        for cell in row.cells
    }
    stored = pair.candidate.measurements.filter(metric="accuracy")
    assert shown == {(row.scenario, row.slice): row.value for row in stored}


def test_matrix__criterion_and_change_disagree__the_criterion_speaks(world, pair):
    run = pair.candidate
    checks = list(run.comparison.checks.all())
    words = PlanWords(run.plan)
    matrix = cells.run_matrix(
        run,
        run.comparison,
        checks,
        words,
        words.metric("accuracy"),
        CellAddress.of(run, world.project),
        {},
    )
    first = matrix.rows[0].cells
    assert [(cell.slice.key, cell.state, cell.is_ruled) for cell in first] == [
        ("all", "fail", True),
        ("group-a", "regressed", False),
        ("group-b", "regressed", False),
    ]


def test_matrix__without_baseline__values_are_measured_and_never_unchanged(client, world, pair):
    client.force_login(world.owner)
    response = client.get(url("run-detail", world.project, pk=pair.baseline.pk))
    states = {
        cell.state
        for row in response.context["matrix"].rows
        for cell in row.cells
        if not cell.is_ruled
    }
    assert states == {"measured"}
    assert "Nothing to compare with" in text_of(response)


def test_worst_slices__of_a_regressed_metric__come_worst_first(world, pair):
    words = PlanWords(pair.candidate.plan)
    place = CellAddress.of(pair.candidate, world.project)
    rows = cells.worst_slices(pair.candidate.comparison, words, words.metric("accuracy"), place)
    differences = [row["value"] for row in rows]
    assert differences == sorted(differences)
    assert all(difference < 0 for difference in differences)
    assert "All rows" not in {row["label"] for row in rows}


# -- one cell ---------------------------------------------------------------------------------


def test_cell__planned__shows_value_interval_and_change(client, world, pair):
    client.force_login(world.owner)
    place = url("measurement-detail", world.project, pk=pair.candidate.pk)
    response = client.get(place + "?scenario=scenario-0&metric=accuracy&slice=group-a")
    page = text_of(response)
    cell = response.context["cell"]
    assert cell.measured.value is not None
    assert cell.change.difference < 0
    assert "four times in five" in page
    assert "the data as they are" in page
    assert "Against the baseline" in page


@pytest.mark.parametrize(
    "query",
    [
        "",
        "scenario=none&metric=accuracy&slice=all",
        "scenario=scenario-0&metric=recall&slice=all",
        "scenario=scenario-0&metric=accuracy&slice=none",
    ],
)
def test_cell__not_of_the_plan__is_missing(client, world, pair, query):
    client.force_login(world.owner)
    place = url("measurement-detail", world.project, pk=pair.candidate.pk)
    assert client.get(f"{place}?{query}").status_code == 404


def test_cell__of_a_skipped_scenario__says_why_there_is_no_number(client, world, pair):
    client.force_login(world.owner)
    place = url("measurement-detail", world.project, pk=pair.candidate.pk)
    page = text_of(client.get(place + "?scenario=scenario-1&metric=accuracy&slice=all"))
    assert "The scenario was skipped." in page
    assert "Nothing was measured" in page


# -- the comparison ---------------------------------------------------------------------------


def test_comparison__counts__cover_every_cell_once(pair):
    comparison = pair.candidate.comparison
    counts = comparisons.change_counts(comparison)
    assert set(counts) == {"improved", "unchanged", "regressed", "inconclusive"}
    assert sum(counts.values()) == comparison.changes.count()
    assert counts["regressed"] > 0


def test_comparison__page__starts_with_a_failed_scenario_with_evidence(client, world, pair):
    client.force_login(world.owner)
    place = url("comparison-detail", world.project, pk=pair.candidate.comparison.pk)
    response = client.get(place + "?scenario=scenario-1")
    page = text_of(response)
    assert response.context["scenario"].key == "scenario-0"
    assert "ROC AUC" in page
    assert "worse" in page


def test_comparison__without_baseline__says_so_instead_of_empty_figures(client, world, pair):
    client.force_login(world.owner)
    place = url("comparison-detail", world.project, pk=pair.baseline.comparison.pk)
    page = text_of(client.get(place))
    assert "Nothing to compare with" in page
    assert "None of them counts as passed." in page


def cell(slice, difference, error, n=100, metric="accuracy"):
    half = 1.96 * error
    return MetricComparison(
        scenario="scenario-0",
        metric=metric,
        slice=slice,
        difference=difference,
        low=difference - half,
        high=difference + half,
        n=n,
    )


def test_guesses__small_noisy_slice__is_drawn_nearer_to_the_mean_than_a_large_one(pair):
    words = PlanWords(pair.candidate.plan)
    rows = [cell(name, 0.01 * place, 0.01) for place, name in enumerate("abcdefghijkl", start=-5)]
    rows += [cell("small", -0.2, 0.15), cell("all", -0.5, 0.01), cell("a", 1, 1, metric="brier")]
    found = comparisons.guesses(rows, words.metric("accuracy"), words, CellAddress("/cell/"))
    by_title = {row.title: row for row in found.rows}
    assert set(by_title) == {*"abcdefghijkl", "small"}, "neither all rows nor another metric"
    assert by_title["small"].value > -0.1
    assert by_title["l"].value == pytest.approx(0.06, abs=0.01)
    assert by_title["small"].weight < 0.25 < by_title["l"].weight
    assert found.worst.title == "small"
    assert found.worst_low < -0.2 - 1.96 * 0.15, "wider than the interval of a slice chosen before"
    assert [row.value for row in found.rows] == sorted(row.value for row in found.rows)


def test_guesses__three_slices__are_too_few_for_a_common_mean(pair):
    words = PlanWords(pair.candidate.plan)
    rows = [cell(name, 0.01, 0.01) for name in "abc"]
    assert comparisons.guesses(rows, words.metric("accuracy"), words, CellAddress("/")) is None


def test_comparison__metric_that_leans__is_named_with_the_way_to_its_slices(client, world, pair):
    comparison = pair.candidate.comparison
    alarm = {"scenario": "scenario-0", "metric": "roc_auc", "slices": 31}
    alarm |= {"strength": -4.2, "p_adjusted": 0.0005}
    type(comparison).objects.filter(pk=comparison.pk).update(alarms=[alarm])
    client.force_login(world.owner)
    page = text_of(client.get(url("comparison-detail", world.project, pk=comparison.pk)))
    assert "Changes that point one way" in page
    assert "?scenario=scenario-0&amp;metric=roc_auc" in page


@pytest.mark.parametrize(
    ("detectable", "margin", "reason", "why"),
    [
        (0.02, 0.01, "", "underpowered"),
        (0.005, 0.01, "", "undecided"),
        (None, 0.01, "", "undecided"),
        (None, None, "no_rows", "no_rows"),
    ],
)
def test_why_undecided__tells_lack_of_items_from_a_straddled_limit(
    detectable, margin, reason, why
):
    row = MetricComparison(detectable=detectable, margin=margin, reason=reason)
    assert comparisons.why_undecided(row) == why


def test_comparison_csv__holds_every_cell_under_its_heading(client, world, pair):
    client.force_login(world.owner)
    comparison = pair.candidate.comparison
    response = client.get(url("comparison-csv", world.project, pk=comparison.pk))
    lines = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert len(lines) == comparison.changes.count()
    first = comparison.changes.order_by("pk").first()
    assert lines[0]["scenario"] == first.scenario
    assert float(lines[0]["difference"]) == first.difference


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\tx", "\rx"])
def test_harmless__text_that_a_spreadsheet_would_run__becomes_plain_text(text):
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("value", [-0.5, 3, None, "all", ""])
def test_harmless__numbers_and_plain_text__stay(value):
    assert harmless(value) == value


def test_part_state__waiting_under_a_running_job__is_running(world):
    run = post(world, "v1")
    run.jobs.filter(part__position=1).update(state="running")
    found = runs.progress(run, PlanWords(run.plan), run.created_at)
    assert [line.state for line in found.parts] == ["running", "queued", "queued"]
    assert (run.status, found.state) == ("queued", "running")


def test_part_state__received_but_not_read_by_the_model__is_not_used(world):
    run = work_off(post(world, "v1"))
    RunPart.objects.filter(run=run, position=2).update(not_used=True)
    lines = runs.part_lines(run, PlanWords(run.plan))
    assert lines[1].state == "not_used"


# -- beside the score -------------------------------------------------------------------------


def test_run_page__beside_the_score__shows_decisions_and_the_inputs_that_moved(
    client, world, pair
):
    client.force_login(world.reviewer)
    page = text_of(client.get(url("run-detail", world.project, pk=pair.candidate.pk)))
    part = pair.candidate.parts.get(key="scenario-0")
    before = pair.baseline.parts.get(key="scenario-0")
    assert part.observed["decided"]["value"] != before.observed["decided"]["value"]
    section = page.split('id="beside"')[1].split("</section>")[0]
    assert f"{part.observed['decided']['value']:.1%}"[:-1] in section
    assert f"{before.observed['decided']['value']:.1%}"[:-1] in section
    assert "moved by" in section
    assert "Scenario 1" not in section, "it was skipped, so nothing was seen"


def test_run__answers_that_never_came__leave_nothing_beside_the_score(world, pair):
    assert pair.candidate.parts.get(key="scenario-1").observed == {}
