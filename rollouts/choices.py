"""Value and label of every closed list in the deciding app."""

from django.db.models import TextChoices


class PlanStatus(TextChoices):
    DRAFT = "draft", "Draft"
    IN_REVIEW = "in_review", "In review"
    REJECTED = "rejected", "Rejected"
    APPROVED = "approved", "Approved"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    ROLLING_BACK = "rolling_back", "Rolling back"
    ROLLED_BACK = "rolled_back", "Rolled back"
    COMPLETED = "completed", "Completed"
    ABORTED = "aborted", "Aborted"
    SUPERSEDED = "superseded", "Superseded"


class StageStatus(TextChoices):
    PENDING = "pending", "Pending"
    OBSERVING = "observing", "Observing"
    SIGNING = "signing", "Waiting for sign-off"
    HELD = "held", "Held"
    PASSED = "passed", "Passed"
    STOPPED = "stopped", "Stopped"
    CANCELLED = "cancelled", "Cancelled"


class GateKind(TextChoices):
    EVIDENCE = "evidence", "Evidence"
    SOAK_TIME = "soak_time", "Soak time"
    FAILURE_CASES = "failure_cases", "Failure cases"
    APPROVAL = "approval", "Approval"


class GateVerdict(TextChoices):
    """What one look at a gate found; `gates.PRECEDENCE` orders them."""

    STOP = "stop", "Stop-loss"
    ERROR = "error", "Could not be evaluated"
    FAIL = "fail", "Failed"
    NO_DATA = "no_data", "No data"
    STALE = "stale", "Out of date"
    INCONCLUSIVE = "inconclusive", "Inconclusive"
    MARGINAL = "marginal", "Marginal"
    PENDING = "pending", "Pending"
    PASS = "pass", "Passed"
    WAIVED = "waived", "Waived"


class GateOutcome(TextChoices):
    MET = "met", "Met"
    UNMET = "unmet", "Not met"
    PENDING = "pending", "Pending"
    WAIVED = "waived", "Waived"


class Subject(TextChoices):
    PLAN = "plan", "Approve the plan"
    STAGE = "stage", "Promote the stage"


class RequestStatus(TextChoices):
    OPEN = "open", "Open"
    APPROVED = "approved", "Approved"
    CHANGES_REQUESTED = "changes_requested", "Changes requested"
    REJECTED = "rejected", "Rejected"
    SUPERSEDED = "superseded", "Superseded"
    WITHDRAWN = "withdrawn", "Withdrawn"
    APPLIED = "applied", "Applied"


class Answer(TextChoices):
    APPROVED = "approved", "Approved"
    CHANGES_REQUESTED = "changes_requested", "Changes requested"
    REJECTED = "rejected", "Rejected"


class DecisionKind(TextChoices):
    SUBMITTED = "submitted", "Submitted"
    WITHDRAWN = "withdrawn", "Withdrawn"
    ANSWERED = "answered", "Answered"
    PLAN_APPROVED = "plan_approved", "Plan approved"
    PLAN_REJECTED = "plan_rejected", "Plan rejected"
    RETURNED = "returned", "Sent back for changes"
    STARTED = "started", "Started"
    SIGN_OFF_OPENED = "sign_off_opened", "Sign-off opened"
    SUPERSEDED = "superseded", "Sign-off superseded"
    STAGE_APPROVED = "stage_approved", "Stage approved"
    ADVANCED = "advanced", "Advanced"
    HELD = "held", "Held"
    RESUMED = "resumed", "Resumed"
    STOP_LOSS = "stop_loss", "Stop-loss"
    ROLL_BACK = "roll_back", "Rolled back by a person"
    ROLLED_BACK = "rolled_back", "Rollback confirmed"
    WAIVED = "waived", "Gate waived"
    COMPLETED = "completed", "Completed"
    ABORTED = "aborted", "Aborted"
