"""What is measured, one concept a file."""

from benchmarks.models.baseline import Baseline
from benchmarks.models.comparison import Comparison, CriterionCheck, MetricComparison
from benchmarks.models.correction import Correction
from benchmarks.models.drift import DriftComparison
from benchmarks.models.intake import IdempotencyKey
from benchmarks.models.job import Job
from benchmarks.models.lessons import Debrief, Playbook
from benchmarks.models.program import Program, ProgramCycle
from benchmarks.models.public_summary import PublicSummary
from benchmarks.models.quarantine import Quarantine
from benchmarks.models.remediation import Remediation
from benchmarks.models.run import ChallengeRun, Measurement, RowBlock, RunPart
from benchmarks.models.scenario import (
    Criterion,
    MetricSpec,
    Scenario,
    ScenarioAssumption,
    ScenarioSlice,
    Suite,
    SuiteScenario,
)

__all__ = [
    "Baseline",
    "ChallengeRun",
    "Comparison",
    "Correction",
    "Criterion",
    "CriterionCheck",
    "Debrief",
    "DriftComparison",
    "IdempotencyKey",
    "Job",
    "Measurement",
    "MetricComparison",
    "MetricSpec",
    "Playbook",
    "Program",
    "ProgramCycle",
    "PublicSummary",
    "Quarantine",
    "Remediation",
    "RowBlock",
    "RunPart",
    "Scenario",
    "ScenarioAssumption",
    "ScenarioSlice",
    "Suite",
    "SuiteScenario",
]
