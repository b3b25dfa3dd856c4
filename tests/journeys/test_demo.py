"""What `manage.py demo` leaves behind, asked of the database it made."""

import os
import secrets
import subprocess
import sys

import pytest

from tests.stack import ROOT, Installation

pytestmark = pytest.mark.worker

COUNTS = """
import json
from django.apps import apps
names = ["accounts.User", "catalog.ModelVersion", "catalog.DatasetVersion", "catalog.Slice",
         "benchmarks.ChallengeRun", "benchmarks.Measurement", "benchmarks.MetricComparison",
         "catalog.FailureCase", "catalog.FailureOccurrence", "rollouts.DecisionRecord",
         "rollouts.Approval", "rollouts.GateCheck", "benchmarks.Baseline"]
print(json.dumps({name: apps.get_model(name).objects.count() for name in names}))
"""
STORY = """
import json
from benchmarks.models import Baseline, ChallengeRun, Comparison
from catalog.models import FailureCase, Slice
from rollouts.models import RolloutPlan
v2, v3 = (RolloutPlan.objects.get(candidate__version=v) for v in ("v2", "v3"))
july = {v: ChallengeRun.objects.get(suite__key="july-challenge", model_version__version=v)
        for v in ("v1", "v2", "v3")}
stage = v3.current_stage
print(json.dumps({
    "slices": Slice.objects.count(),
    "baselines": [b.suite.key for b in Baseline.objects.filter(status="approved")],
    "scenarios": {
        v: {s["key"]: s["finding"] for s in r.comparison.scenarios} for v, r in july.items()
    },
    "loads": {p.key: [p.status, p.load] for p in ChallengeRun.objects.get(
        suite__key="serving").parts.all()},
    "loads_found": {s["key"]: s["finding"] for s in Comparison.objects.get(
        run__suite__key="serving").scenarios},
    "verdicts": {v: r.verdict for v, r in july.items()},
    "nets": {p.key: p.net for p in july["v2"].parts.all() if p.net},
    "net_checks": {
        v: list(r.comparison.checks.filter(metric__startswith="net_").values_list(
            "finding", flat=True
        ))
        for v, r in july.items()
    },
    "v2": [v2.status, v2.exposure, [s.status for s in v2.stages.all()]],
    "v2_decisions": list(v2.decisions.values_list("kind", flat=True)),
    "v3": [v3.status, stage.position, stage.status],
    "v3_gates": {g.name: [c.verdict for c in g.checks.order_by("pk")] for g in stage.gates.all()},
    "v3_open": [r.slots for r in v3.requests.open()],
    "v3_signed": [a.slot for r in v3.requests.open() for a in r.approvals.all()],
    "cases": list(FailureCase.objects.values_list("status", "fingerprint_parts")),
    "replayed": [
        [str(d.observed_until), str(d.decided_at)]
        for d in v2.decisions.exclude(observed_until=None)
    ],
}))
"""


@pytest.fixture(scope="module")
def story(demo: Installation) -> dict:
    return demo.read(STORY)


def test_demo__run_again__doubles_nothing(demo: Installation):
    before = demo.read(COUNTS)
    demo.manage("demo", "--no-serve")
    assert demo.read(COUNTS) == before
    assert before["catalog.ModelVersion"] == 4


def test_demo__its_record__verifies(demo: Installation):
    demo.manage("audit_verify")


def test_demo__production_settings__refuses_to_run(tmp_path):
    environment = {
        **os.environ,
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'x.sqlite3'}",
        "PRODUCTION": "true",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "example.com",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    command = [sys.executable, "manage.py", "demo", "--no-serve"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "does not run in production" in done.stderr


def test_demo__baselines_and_slices__are_those_of_the_story(story):
    assert story["slices"] >= 25
    assert sorted(story["baselines"]) == ["july-challenge", "reference-quarter"]


def test_demo__july_program__shows_v2_better_as_is_and_weak_under_high_pressure(story):
    assert len(story["scenarios"]["v2"]) >= 14
    assert story["scenarios"]["v2"]["july-as-is"] == "pass"
    assert story["scenarios"]["v2"]["pressure-high"] == "fail"
    assert story["verdicts"]["v2"] == "fail"


def test_demo__perturbation_that_no_model_reads__is_not_used_and_never_a_pass(story):
    for version in ("v1", "v2", "v3"):
        assert story["scenarios"][version]["wind-direction"] == "not_used"
    assert story["scenarios"]["v3"]["pressure-high"] == "not_used"


def test_demo__served_v1__was_asked_under_load_and_failed_in_the_outage(story):
    loads = {key: load for key, (status, load) in story["loads"].items() if status == "received"}
    assert set(loads) == {"load-steady", "load-burst", "load-outage"}
    assert {key: load["offered"] for key, load in loads.items()} == {
        "load-steady": 100,
        "load-burst": 108,
        "load-outage": 100,
    }
    assert loads["load-outage"]["error_rate"]["value"] > 0.1
    assert loads["load-outage"]["retried"] > 0.1
    assert story["loads_found"]["load-outage"] == "fail"


def test_demo__outage__left_a_backlog_that_was_drained(story):
    backlog = story["loads"]["load-outage"][1]["backfill"]
    assert backlog["kept"] > 10
    assert backlog["backfilled"] == backlog["kept"]


def test_demo__first_run_without_baseline__is_inconclusive(story):
    assert story["verdicts"]["v1"] == "inconclusive"


def test_demo__safety_nets__catch_at_newark_and_leave_the_other_airports_alone(story):
    for version in ("v1", "v2", "v3"):
        assert story["net_checks"][version] == ["pass"] * 6
    guard, fallback, alert = (
        story["nets"][key] for key in ("pressure-guarded", "pressure-fallback", "weather-silent")
    )
    assert guard["after"]["value"] > guard["before"]["value"]
    assert fallback["gain"]["interval"]["low"] > 0
    assert alert["disturbed_rung"] == alert["disturbed"] > 50
    assert alert["undisturbed_rung"] == 0


def test_demo__v2_rollout__is_stopped_by_its_stop_loss_and_rolled_back(story):
    status, exposure, stages = story["v2"]
    assert (status, exposure) == ("rolled_back", 0)
    assert stages == ["passed", "passed", "passed", "stopped"]
    kinds = story["v2_decisions"]
    assert kinds.index("waived") < kinds.index("stop_loss") < kinds.index("rolled_back")
    assert kinds.count("advanced") == 3


def test_demo__replayed_decisions__keep_the_data_time_apart_from_the_decision_time(story):
    assert story["replayed"]
    for observed, decided in story["replayed"]:
        assert observed.startswith("2013-")
        assert not decided.startswith("2013-")


def test_demo__v3_rollout__waits_at_its_first_stage_for_one_more_signature(story):
    assert story["v3"] == ["running", 1, "signing"]
    assert story["v3_gates"]["July challenge program passed"] == ["fail", "waived"]
    assert story["v3_gates"]["Soak time"][-1] == "pass"
    assert story["v3_open"] == [["reviewer_data_science", "reviewer_product"]]
    assert story["v3_signed"] == ["reviewer_data_science"]


def test_demo__november__has_failures_gathered_and_partly_curated(story):
    statuses = {
        parts["place"]: status
        for status, parts in story["cases"]
        if not parts["cause"] and parts["error"] == "false alarms"
    }
    assert statuses["Pressure 1,030 hPa and above"] == "verified"
    assert "annotated" in statuses.values()
    assert "triaged" in statuses.values()
