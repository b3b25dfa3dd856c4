"""Runs of the small world that are judged at once, from posted predictions: no sandbox needed."""

import numpy as np

from benchmarks import tasks
from benchmarks.actions import decide_baseline, propose_baseline, start_run
from benchmarks.models import Baseline, ChallengeRun, Job, Suite
from catalog import actions as catalog_actions
from tests.benchmarks.small_world import SmallWorld


def scores(world: SmallWorld, version: str) -> list[float]:
    """v1 answers by x, v2 by x and z; `bad` answers the other way round."""
    x, z = world.frame["x"], world.frame["z"]
    logits = {"v1": 2 * x, "v2": 2 * x + 0.5 * z, "bad": -2 * x}[version]
    return [float(score) for score in 1 / (1 + np.exp(-logits))]


def post(world: SmallWorld, version: str, answers: str = "", **gone: dict) -> ChallengeRun:
    """A posted run, not yet worked on; `gone` holds scenarios without predictions by number."""
    items = {"item": [int(item) for item in world.frame["item"]]}
    items["score"] = scores(world, answers or version)
    keys = [place.scenario.key for place in world.suite.places.all()]
    posted = {key: gone.get(key.replace("-", "_"), {"items": items}) for key in keys}
    return start_run(world.versions[version], suite=world.suite, by=world.owner, posted=posted)


def work_off(run: ChallengeRun, jobs: int | None = None) -> ChallengeRun:
    """Do the run's jobs here, all of them or the first few."""
    done = 0
    while jobs is None or done < jobs:
        job = Job.objects.filter(run=run, state="queued").first()
        if job is None:
            break
        tasks.work(job.pk)
        done += 1
    run.refresh_from_db()
    return run


def approve(run: ChallengeRun, world: SmallWorld) -> Baseline:
    baseline = propose_baseline(run, by=world.owner, reason="It serves today.")
    return decide_baseline(baseline, by=world.reviewer, approve=True, reason="Agreed.")


def served_version(world, server, columns):
    """A version that the server answers for, 500 rows at a time."""
    return catalog_actions.register_endpoint(
        world.model,
        version="http",
        endpoint={
            "address": server.origin,
            "protocol": "oip",
            "served_model": "small",
            "batch_size": 500,
        },
        input_columns=columns,
        by=world.owner,
    )


def limited(world, **fields):
    """The world with limits on its suite."""
    Suite.objects.filter(pk=world.suite.pk).update(**fields)
    world.suite.refresh_from_db()
    return world
