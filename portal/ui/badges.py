"""Every state a page can show, as word, icon and tone: never colour alone."""

from dataclasses import dataclass, replace
from typing import Any

PASS, FAIL, INCONCLUSIVE = "pass", "fail", "inconclusive"
NOT_USED, RUNNING, ERRORED, WAIVED = "not-used", "running", "errored", "waived"


@dataclass(frozen=True, slots=True)
class Badge:
    label: str
    icon: str
    tone: str


_ROWS: dict[str, tuple[str, str, str]] = {
    # verdicts and changes
    "pass": ("Pass", "check", PASS),
    "fail": ("Fail", "cross", FAIL),
    "inconclusive": ("Inconclusive", "question", INCONCLUSIVE),
    "not_used": ("Not used", "minus", NOT_USED),
    "improved": ("Improved", "up", PASS),
    "unchanged": ("Unchanged", "equal", NOT_USED),
    "regressed": ("Regressed", "down", FAIL),
    "marginal": ("Marginal", "question", WAIVED),
    "no_data": ("No data", "empty", INCONCLUSIVE),
    "too_few": ("Too few samples", "empty", INCONCLUSIVE),
    "undefined": ("Undefined", "question", INCONCLUSIVE),
    "missing": ("Missing", "empty", INCONCLUSIVE),
    "stale": ("Stale", "clock", INCONCLUSIVE),
    # the state of work
    "queued": ("Queued", "clock", NOT_USED),
    "running": ("Running", "running", RUNNING),
    "evaluated": ("Evaluated", "check", RUNNING),
    "done": ("Done", "check", PASS),
    "errored": ("Errored", "alert", ERRORED),
    "error": ("Error", "alert", ERRORED),
    "received": ("Received", "clock", RUNNING),
    "skipped": ("Skipped", "skip", NOT_USED),
    "cancelled": ("Cancelled", "skip", NOT_USED),
    # gates
    "pending": ("Pending", "clock", NOT_USED),
    "met": ("Met", "check", PASS),
    "unmet": ("Unmet", "cross", FAIL),
    "waived": ("Waived", "shield", WAIVED),
    "hold": ("Hold", "pause", WAIVED),
    "stop": ("Stop", "stop", FAIL),
    # plans, stages and requests
    "draft": ("Draft", "pencil", NOT_USED),
    "in_review": ("In review", "eye", RUNNING),
    "proposed": ("Proposed", "pencil", RUNNING),
    "approved": ("Approved", "check", PASS),
    "applied": ("Applied", "check", PASS),
    "rejected": ("Rejected", "cross", FAIL),
    "changes_requested": ("Changes requested", "pencil", WAIVED),
    "active": ("Active", "running", RUNNING),
    "preparing": ("Preparing", "clock", RUNNING),
    "observing": ("Observing", "eye", RUNNING),
    "monitoring": ("Monitoring", "eye", RUNNING),
    "ready": ("Ready", "check", PASS),
    "signing": ("Signing", "pencil", RUNNING),
    "passed": ("Passed", "check", PASS),
    "held": ("Held", "pause", WAIVED),
    "failed": ("Failed", "cross", FAIL),
    "stopped": ("Stopped", "stop", FAIL),
    "paused": ("Paused", "pause", WAIVED),
    "rolling_back": ("Rolling back", "undo", FAIL),
    "rolled_back": ("Rolled back", "undo", FAIL),
    "completed": ("Completed", "check", PASS),
    "aborted": ("Aborted", "stop", FAIL),
    "superseded": ("Superseded", "skip", NOT_USED),
    "withdrawn": ("Withdrawn", "skip", NOT_USED),
    "expired": ("Expired", "clock", NOT_USED),
    "retired": ("Retired", "skip", NOT_USED),
    "production": ("In production", "check", PASS),
    # decisions
    "submitted": ("Submitted", "up", RUNNING),
    "answered": ("Answered", "pencil", RUNNING),
    "sign_off_opened": ("Sign-off opened", "pencil", RUNNING),
    "plan_approved": ("Plan approved", "check", PASS),
    "plan_rejected": ("Plan rejected", "cross", FAIL),
    "stage_approved": ("Stage approved", "check", PASS),
    "stage_rejected": ("Stage rejected", "cross", FAIL),
    "returned": ("Returned", "pencil", WAIVED),
    "started": ("Started", "running", RUNNING),
    "advanced": ("Advanced", "up", PASS),
    "resumed": ("Resumed", "running", RUNNING),
    "roll_back": ("Roll back", "undo", FAIL),
    "stop_loss": ("Stop-loss", "stop", FAIL),
    "waiting": ("Waiting", "clock", NOT_USED),
    # who may see it
    "public": ("Public", "eye", NOT_USED),
    "internal": ("Internal", "person", NOT_USED),
    "confidential": ("Confidential", "shield", WAIVED),
    "restricted": ("Restricted", "shield", FAIL),
    "personal": ("Personal", "shield", WAIVED),
    "special_category": ("Special category", "shield", FAIL),
    # stewardship of data
    "retention_passed": ("Retention over", "clock", WAIVED),
    "review_overdue": ("Bias review overdue", "clock", WAIVED),
    "unreviewed": ("No bias review", "empty", INCONCLUSIVE),
    # failure cases
    "open": ("Open", "dot", RUNNING),
    "closed": ("Closed", "check", NOT_USED),
    "candidate": ("Candidate", "dot", NOT_USED),
    "triaged": ("Triaged", "flag", RUNNING),
    "annotated": ("Annotated", "pencil", RUNNING),
    "verified": ("Verified", "flag", FAIL),
    "in_remediation": ("In remediation", "pencil", WAIVED),
    "risk_accepted": ("Risk accepted", "shield", WAIVED),
    "duplicate": ("Duplicate", "copy", NOT_USED),
    "fixed": ("Fixed", "check", PASS),
    # assumptions
    "holds": ("Holds", "check", PASS),
    "violated": ("Violated", "cross", FAIL),
    "untested": ("Untested", "question", INCONCLUSIVE),
    # programs and remediation
    "overdue": ("Overdue", "clock", WAIVED),
    "missed": ("Missed", "cross", FAIL),
    "in_validation": ("In validation", "eye", RUNNING),
    "drifted": ("Drifted", "flag", FAIL),
    "drifted_small": ("Drifted, small", "flag", WAIVED),
    "no_drift": ("No drift", "check", PASS),
    "undecided": ("Undecided", "question", INCONCLUSIVE),
    "quarantined": ("In quarantine", "clock", WAIVED),
    "uncovered": ("No scenario", "empty", INCONCLUSIVE),
    # severities and risk tiers
    "none": ("None", "level-0", "severity-none"),
    "minor": ("Minor", "level-1", "severity-minor"),
    "moderate": ("Moderate", "level-2", "severity-moderate"),
    "severe": ("Severe", "level-3", "severity-severe"),
    "low": ("Low", "level-1", "severity-none"),
    "medium": ("Medium", "level-2", "severity-minor"),
    "high": ("High", "level-3", "severity-moderate"),
    "critical": ("Critical", "level-4", "severity-critical"),
}
BADGES = {key: Badge(*row) for key, row in _ROWS.items()}
TONES = tuple(dict.fromkeys(badge.tone for badge in BADGES.values()))


def key_of(choice: Any) -> str:
    return str(getattr(choice, "value", choice) or "").strip().lower().replace("-", "_")


def badge_for(choice: Any, label: str = "") -> Badge:
    """The badge of a stored value or a choices member; an unlisted one is shown neutrally."""
    key = key_of(choice)
    known = BADGES.get(key) or Badge(key.replace("_", " ").capitalize(), "dot", NOT_USED)
    wording = label or getattr(choice, "label", "")
    return replace(known, label=str(wording)) if wording else known
