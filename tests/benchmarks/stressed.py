"""Suites that put a served model under load, for tests: few rows, short loads, real jobs."""

from benchmarks import actions, jobs, tasks
from benchmarks.models import ChallengeRun, MetricSpec, Suite
from catalog import actions as catalog_actions
from catalog.models import ModelVersion
from tests.benchmarks import small_world

COLUMNS = ["x", "z"]
ROWS = 120
#: 120 requests in a second and a half, as many as there are rows.
STEADY = {"rate": 80, "seconds": 1.5, "connections": 4, "deadline_ms": 2000}
OUTAGE = {**STEADY, "outage_start": 0.5, "outage_seconds": 0.5}
#: The same outage, and what found no answer is sent again when it is over.
BACKFILL = {**OUTAGE, "backfill_rate": 30, "backfill_seconds": 5}


def register(world, origin: str, *, version: str = "http", **fields) -> ModelVersion:
    endpoint = {"protocol": "oip", "served_model": "small", "address": origin, **fields}
    return catalog_actions.register_endpoint(
        world.model,
        version=version,
        endpoint=endpoint,
        input_columns=COLUMNS,
        by=world.owner,
    )


def few_rows(world, *, rows: int = ROWS):
    return catalog_actions.register_dataset_version(
        world.dataset,
        version=f"few-{rows}",
        file=small_world.parquet(small_world.rows(seed=5, n=rows)),
        id_column="item",
        label_column="label",
        by=world.owner,
    )


def defined(world) -> dict[str, MetricSpec]:
    margins = {"p95_latency": 50, "error_rate": 0.05}
    for key, margin in margins.items():
        if not world.project.metrics.filter(key=key).exists():
            actions.define_metric(world.project, key, margin=margin, minimum_n=30, by=world.owner)
    return {spec.key: spec for spec in world.project.metrics.all()}


def suite_under(world, stress, *, criteria=None, data=None, **fields) -> Suite:
    """One scenario under the stress, judged by error rate and p95 where nothing else is said."""
    specs = defined(world)
    why = "Nobody waits any longer."
    rules = criteria or [
        {"metric": specs["error_rate"], "value_threshold": 0.2, "why": why},
        {"metric": specs["p95_latency"], "value_threshold": 1500, "why": why},
    ]
    judged = [rule["metric"].key for rule in rules]
    scenario = actions.write_scenario(
        world.project,
        key="loaded",
        title="Under load",
        dataset=world.dataset,
        dataset_version=data or few_rows(world),
        stress=stress,
        criteria=rules,
        slices=world.slices,
        by=world.owner,
    )
    return actions.compose_suite(
        world.project,
        key="serving",
        title="Serving",
        model=world.model,
        owner=world.owner,
        metrics=list(dict.fromkeys(["accuracy", "p95_latency", "error_rate", *judged])),
        scenarios=[scenario],
        by=world.owner,
        **fields,
    )


def evaluated(version, suite, by, **options) -> ChallengeRun:
    run = actions.start_run(version, suite=suite, by=by, **options)
    worked_off(run)
    return run


def worked_off(run) -> None:
    while job := jobs.claimable().first():
        tasks.work(job.pk)
    run.refresh_from_db()
