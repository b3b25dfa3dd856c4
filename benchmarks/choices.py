"""Value and label of every closed list in the measuring app; outcomes in the engine's words."""

from enum import StrEnum

from django.db.models import TextChoices

from benchmarks import cadence
from benchmarks.engine.values import Change, Direction, Finding, Kind, Severity, Verdict


def _labelled(
    name: str, words: type[StrEnum], labels: dict[str, str] | None = None
) -> type[TextChoices]:
    """Choices with exactly the values of an engine enumeration: the two cannot drift apart."""
    labels = labels or {}
    members = {
        w.name: (w.value, labels.get(w.value, w.value.replace("_", " ").capitalize()))
        for w in words
    }
    return TextChoices(name, members)  # type: ignore[call-overload]


MetricKind = _labelled(
    "MetricKind",
    Kind,
    {"auc": "Area under the ROC curve", "pr_auc": "Area under the precision-recall curve"},
)
MetricDirection = _labelled(
    "MetricDirection", Direction, {"higher": "Higher is better", "lower": "Lower is better"}
)
ChangeChoice = _labelled("ChangeChoice", Change)
SeverityChoice = _labelled("SeverityChoice", Severity)
VerdictChoice = _labelled("VerdictChoice", Verdict)
FindingChoice = _labelled("FindingChoice", Finding)


class RunStatus(TextChoices):
    """About the work, never about the model."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    EVALUATED = "evaluated", "Evaluated"
    ERRORED = "errored", "Errored"


class RunSource(TextChoices):
    WORKER = "worker", "Evaluated here"
    POSTED = "posted", "Predictions posted"
    KEPT = "kept", "Answers of an earlier run"


class PartStatus(TextChoices):
    WAITING = "waiting", "Waiting"
    RECEIVED = "received", "Received"
    ERRORED = "errored", "Errored"
    SKIPPED = "skipped", "Skipped"


class SuiteKind(TextChoices):
    CHALLENGE = "challenge", "Challenge program"
    WATCH = "watch", "Production watch"


class JobKind(TextChoices):
    ASK = "ask", "Ask the model about a block of rows"
    EVALUATE = "evaluate", "Evaluate a scenario"
    JUDGE = "judge", "Judge a run"


class JobState(TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class BaselineStatus(TextChoices):
    PROPOSED = "proposed", "Proposed"
    APPROVED = "approved", "Approved"
    SUPERSEDED = "superseded", "Superseded"
    REJECTED = "rejected", "Rejected"


class TestLevel(TextChoices):
    """On the way from raw data to a person: which part a scenario puts to the test."""

    DATA_PIPELINE = "data_pipeline", "Data pipeline"
    FEATURE = "feature", "Feature"
    MODEL = "model", "Model"
    JOURNEY = "journey", "End-to-end journey"


class CorrectionKind(TextChoices):
    INVALIDATE = "invalidate", "Set aside"
    RELABEL = "relabel", "Label corrected"
    TAKE_BACK = "take_back", "Taken back"


class CadenceUnit(TextChoices):
    DAY = cadence.DAY, "Days"
    WEEK = cadence.WEEK, "Weeks"
    MONTH = cadence.MONTH, "Months"
    QUARTER = cadence.QUARTER, "Quarters"
    YEAR = cadence.YEAR, "Years"


class ProgramStatus(TextChoices):
    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    RETIRED = "retired", "Retired"


class CycleStatus(TextChoices):
    OPEN = "open", "Open"
    OVERDUE = "overdue", "Overdue"
    MET = "met", "Met"
    MISSED = "missed", "Missed"


class TriggerKind(TextChoices):
    """What a run of a program can be started by, besides people and its cadence."""

    DATA = "data", "Data"
    CODE = "code", "Code"
    LIBRARY = "library", "Library"
    INFRASTRUCTURE = "infrastructure", "Infrastructure"


class RemediationStatus(TextChoices):
    OPEN = "open", "Open"
    IN_VALIDATION = "in_validation", "In validation"
    CLOSED = "closed", "Closed"
    WITHDRAWN = "withdrawn", "Withdrawn"
