"""Runs of versions that answer over HTTP: asked by the real job code, from real servers."""

import pandas as pd
import pytest
import skops.io
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse

from benchmarks import actions, asking, jobs, tasks
from benchmarks.choices import PartStatus, RunStatus
from benchmarks.endpoints import measures_latency
from benchmarks.models import Measurement
from benchmarks.predictors.protocols import PROTOCOLS
from catalog import actions as catalog_actions
from catalog.choices import EndpointProtocol
from catalog.models import ModelEndpoint, ModelVersion
from portal.audit.models import AuditEvent
from tests.benchmarks import small_world
from tests.benchmarks.servers.mlflow_process import mlflow_server
from tests.benchmarks.servers.open_inference import Served, open_inference

COLUMNS = ["x", "z"]
TIMED_ROWS = 120


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory):
    """MLflow's server before the model that `small_world` trains for its v2."""
    frame = small_world.rows(seed=0)
    with mlflow_server(frame, COLUMNS, tmp_path_factory.mktemp("mlflow")) as origin:
        yield origin


@pytest.fixture
def served(settings):
    """Our server of the Open Inference Protocol before the same model, on the allow-list."""
    content = small_world.artifact(COLUMNS)
    with open_inference(Served(skops.io.loads(content))) as server:
        settings.OUTBOUND_HOSTS = [server.origin]
        yield server


def register(world, address, *, version="http", **fields) -> ModelVersion:
    endpoint = {"protocol": "oip", "served_model": "small", "batch_size": 500, **fields}
    return catalog_actions.register_endpoint(
        world.model,
        version=version,
        endpoint={"address": address, **endpoint},
        input_columns=COLUMNS,
        by=world.owner,
    )


def timed_suite(world):
    """A suite that is judged by the time of an answer, on few rows."""
    data = catalog_actions.register_dataset_version(
        world.dataset,
        version="few",
        file=small_world.parquet(small_world.rows(seed=5, n=TIMED_ROWS)),
        id_column="item",
        label_column="label",
        by=world.owner,
    )
    latency = actions.define_metric(world.project, "mean_latency", margin=5, by=world.owner)
    actions.define_metric(world.project, "p95_latency", margin=10, by=world.owner)
    limit = {"metric": latency, "value_threshold": 5000, "why": "Nobody waits any longer."}
    scenario = actions.write_scenario(
        world.project,
        key="timed",
        title="Timed",
        dataset=world.dataset,
        dataset_version=data,
        criteria=[limit],
        by=world.owner,
    )
    return actions.compose_suite(
        world.project,
        key="timed-suite",
        title="Timed suite",
        model=world.model,
        owner=world.owner,
        metrics=["accuracy", "mean_latency", "p95_latency"],
        scenarios=[scenario],
        by=world.owner,
    )


def evaluated(version, suite, by, **options):
    run = actions.start_run(version, suite=suite, by=by, **options)
    while job := jobs.claimable().first():
        tasks.work(job.pk)
    run.refresh_from_db()
    return run


def measured(run, metric):
    rows = Measurement.objects.filter(run=run, metric=metric, slice="all").order_by("scenario")
    return list(rows.values_list("value", flat=True))


# -- the whole way ----------------------------------------------------------------------------


def test_run__open_inference_server__answers_as_the_same_model_does_from_its_file(world, served):
    version = register(world, served.origin)
    by_http = evaluated(version, world.suite, world.owner)
    by_file = evaluated(world.versions["v2"], world.suite, world.owner)
    assert by_http.status == RunStatus.EVALUATED
    for metric in ("accuracy", "roc_auc"):
        assert measured(by_http, metric) == measured(by_file, metric)
    part = by_http.parts.first()
    facts = part.served_by
    assert (facts["model"], facts["version"], facts["platform"]) == ("small", "7", "sklearn")
    assert (facts["requests"], facts["rows_a_request"], facts["retried"]) == (6, 500, 0)


def test_run__open_inference_server__is_judged_by_its_latency(world, served):
    run = evaluated(register(world, served.origin), timed_suite(world), world.owner)
    assert run.verdict == "pass", run.comparison.reasons
    (mean,), (most,) = measured(run, "mean_latency"), measured(run, "p95_latency")
    assert 0 < mean <= most * TIMED_ROWS
    assert Measurement.objects.get(run=run, metric="mean_latency").n == TIMED_ROWS
    assert run.parts.get().served_by["requests"] == TIMED_ROWS


def test_run__mlflow_scoring_server__is_evaluated_and_judged_by_its_latency(
    world, mlflow, settings
):
    settings.OUTBOUND_HOSTS = [mlflow]
    version = register(world, mlflow, protocol="mlflow", served_model="")
    run = evaluated(version, timed_suite(world), world.owner)
    assert run.verdict == "pass", run.comparison.reasons
    assert run.parts.get().served_by["requests"] == TIMED_ROWS
    by_file = evaluated(world.versions["v2"], run.suite, world.owner)
    assert measured(run, "accuracy") == measured(by_file, "accuracy")
    assert measured(run, "mean_latency")[0] > 0


def test_run__mlflow_scoring_server__takes_batches_of_every_scenario(world, mlflow, settings):
    settings.OUTBOUND_HOSTS = [mlflow]
    version = register(world, mlflow, protocol="mlflow", served_model="")
    run = evaluated(version, world.suite, world.owner)
    by_file = evaluated(world.versions["v2"], world.suite, world.owner)
    assert measured(run, "accuracy") == measured(by_file, "accuracy")
    assert measured(run, "roc_auc") == pytest.approx(measured(by_file, "roc_auc"), abs=1e-12)


def test_run__judged_again__keeps_latency_and_who_answered_without_asking(world, served):
    run = evaluated(register(world, served.origin), timed_suite(world), world.owner)
    asked = len(served.heard)
    again = actions.judge_again(run, by=world.owner)
    while job := jobs.claimable().first():
        tasks.work(job.pk)
    again.refresh_from_db()
    assert len(served.heard) == asked
    assert measured(again, "mean_latency") == measured(run, "mean_latency")
    assert again.parts.get().served_by == run.parts.get().served_by


def test_run__model_from_a_file__has_no_latency_and_never_passes_by_it(world):
    run = evaluated(world.versions["v2"], timed_suite(world), world.owner)
    assert run.verdict == "inconclusive"
    assert measured(run, "mean_latency") == [None]


# -- what goes wrong --------------------------------------------------------------------------


def test_run__server_that_is_still_starting__is_waited_for(world, served, monkeypatch):
    monkeypatch.setattr("benchmarks.predictors.endpoint.FIRST_WAIT", 0.01)
    served.starting = 3
    run = evaluated(register(world, served.origin), world.suite, world.owner)
    assert run.status == RunStatus.EVALUATED
    assert run.parts.first().served_by["retried"] == 3


def test_run__host_taken_off_the_list__errs_in_words_and_is_no_pass(world, served, settings):
    version = register(world, served.origin)
    settings.OUTBOUND_HOSTS = []
    run = evaluated(version, world.suite, world.owner)
    assert run.verdict == "inconclusive"
    part = run.parts.first()
    assert part.status == PartStatus.ERRORED
    assert "OUTBOUND_HOSTS" in part.message
    assert served.heard == []


def test_run__model_of_another_name__errs_without_the_servers_own_words(world, served):
    run = evaluated(register(world, served.origin, served_model="other"), world.suite, world.owner)
    assert run.verdict == "inconclusive"
    message = run.parts.first().message
    assert "4xx" in message
    assert "no such model" not in message


def test_run__server_gone__is_given_up_and_the_run_ends(world, settings, monkeypatch):
    monkeypatch.setattr("benchmarks.predictors.endpoint.FIRST_WAIT", 0.01)
    settings.OUTBOUND_HOSTS = ["http://127.0.0.1:9"]
    run = evaluated(register(world, "http://127.0.0.1:9"), world.suite, world.owner)
    assert run.verdict == "inconclusive"
    assert "did not answer in 5 tries" in run.parts.first().message


def test_answer__data_with_gaps__are_sent_as_null(world, served):
    version = register(world, served.origin)
    part = actions.start_run(version, suite=world.suite, by=world.owner).parts.first()
    asked = pd.DataFrame({"x": [0.5, None], "z": [0.1, 0.2], "label": [0, 1]})
    with pytest.raises(asking.PredictorError, match="4xx"):
        asking.scores_of(part, asked, "label")  # this model knows no gaps and says so
    assert len(asking.scores_of(part, asked.iloc[:1], "label").scores) == 1


# -- what is shown ----------------------------------------------------------------------------


def page_of(client, world, name, row):
    client.force_login(world.owner)
    answer = client.get(reverse(name, args=[world.project.slug, row.pk]))
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_run_page__endpoint__says_who_answered_and_how_it_was_asked(client, world, served):
    run = evaluated(register(world, served.origin), timed_suite(world), world.owner)
    page = page_of(client, world, "run-detail", run)
    assert served.origin in page
    assert "small version 7 on sklearn" in page
    assert f"{TIMED_ROWS} requests of at most 1 row" in page
    assert "Not the same throughout" not in page


def test_run_page__endpoint_that_changed_between_scenarios__says_so(client, world, served):
    run = evaluated(register(world, served.origin), world.suite, world.owner)
    part = run.parts.last()
    part.served_by = {**part.served_by, "version": "8"}
    part.save()
    page = page_of(client, world, "run-detail", run)
    assert "Not the same throughout" in page
    assert "small version 8 on sklearn" in page


def test_run_page__before_any_answer__shows_the_endpoint_without_figures(client, world, served):
    run = actions.start_run(register(world, served.origin), suite=world.suite, by=world.owner)
    page = page_of(client, world, "run-detail", run)
    assert served.origin in page
    assert "Declared as" not in page


def test_version_page__endpoint__is_shown_as_registered(client, world, settings):
    settings.OUTBOUND_HOSTS = ["models.example.com"]
    version = register(world, "https://models.example.com/team", served_version="4")
    page = page_of(client, world, "version-detail", version)
    assert "https://models.example.com/team" in page
    assert "Open Inference Protocol v2" in page
    assert "500 rows at a time" in page
    assert "Endpoint</h2>" not in page_of(client, world, "version-detail", world.versions["v1"])


# -- registering ------------------------------------------------------------------------------


def test_endpoint__registered__is_known_by_where_and_as_what_it_is_asked(world, settings):
    settings.OUTBOUND_HOSTS = ["models.example.com"]
    first = register(world, "https://models.example.com", version="a")
    slower = register(world, "https://models.example.com", version="b", batch_size=1, deadline=2)
    other = register(world, "https://models.example.com", version="c", served_version="2")
    assert first.artifact_digest == slower.artifact_digest != other.artifact_digest
    assert first.artifact_format == "endpoint"
    baseline = actions.start_run(first, suite=world.suite, by=world.owner)
    with pytest.raises(ValidationError, match="compared with itself"):
        actions.start_run(slower, suite=world.suite, by=world.owner, baseline_run=baseline)


def test_endpoint__registered__has_its_history_in_the_ledger_and_does_not_change(world, settings):
    settings.OUTBOUND_HOSTS = ["models.example.com"]
    row = register(world, "https://models.example.com").endpoint
    assert row.history.get().history_user == world.owner
    assert AuditEvent.objects.filter(action="catalog.modelendpoint.created").count() == 1
    row.address = "https://elsewhere.example.com"
    with pytest.raises(ValidationError, match="does not change"):
        row.record(by=world.owner)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"address": "http://models.example.com"}, "address"),
        ({"address": "https://other.example.com"}, "address"),
        ({"address": "https://user@models.example.com"}, "address"),
        ({"address": "https://169.254.169.254"}, "address"),
        ({"protocol": "carrier-pigeon"}, "protocol"),
        ({"served_model": ""}, "served_model"),
        ({"served_model": "a/../b"}, "served_model"),
        ({"protocol": "mlflow"}, "served_model"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 10_001}, "batch_size"),
        ({"deadline": 0}, "deadline"),
        ({"deadline": 301}, "deadline"),
    ],
)
def test_endpoint__that_cannot_be_asked__is_refused_and_leaves_no_version(
    world, settings, fields, field
):
    settings.OUTBOUND_HOSTS = ["models.example.com"]
    before = ModelVersion.objects.count()
    with pytest.raises(ValidationError) as refused:
        register(world, **{"address": "https://models.example.com", **fields})
    assert field in refused.value.message_dict
    assert ModelVersion.objects.count() == before
    assert not ModelEndpoint.objects.exists()


@pytest.mark.parametrize("columns", [[], ["x", "x"]])
def test_endpoint__without_columns_of_its_own__is_refused(world, settings, columns):
    settings.OUTBOUND_HOSTS = ["models.example.com"]
    with pytest.raises(ValidationError, match="columns"):
        catalog_actions.register_endpoint(
            world.model,
            version="http",
            endpoint={"protocol": "mlflow", "address": "https://models.example.com"},
            input_columns=columns,
            by=world.owner,
        )


def test_endpoint__somebody_who_registers_no_versions__is_refused(world, settings):
    settings.OUTBOUND_HOSTS = ["models.example.com"]
    world.owner = world.reviewer
    with pytest.raises(PermissionDenied):
        register(world, "https://models.example.com")


# -- what has to agree ------------------------------------------------------------------------


def test_protocols__that_can_be_registered__can_be_asked():
    assert set(PROTOCOLS) == set(EndpointProtocol.values)


def test_plan__with_a_metric_of_latency__is_asked_row_by_row():
    scenario = {"criteria": [{"metric": "p95_latency"}]}
    assert measures_latency({"metrics": [{"key": "typical_latency"}], "scenarios": []})
    assert measures_latency({"metrics": [], "scenarios": [scenario]})
    assert not measures_latency({"metrics": [{"key": "accuracy"}], "scenarios": []})
