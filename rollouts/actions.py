"""Every act of a rollout under one name, for pages, API, commands and tasks alike.

Each runs in one transaction that first locks the plan, then checks again what it relies on. The
actor is `by`, the clock `now`; `expected_version` refuses a command that saw an older plan. They
raise PermissionDenied, ValidationError or Conflict, in the user's words.
"""

from rollouts.drafting import abort, draft_plan, revise_plan, supersede
from rollouts.reviews import answer, submit, withdraw
from rollouts.stages import advance, hold, report_exposure, resume, roll_back, start, waive
from rollouts.watching import check_gates

__all__ = [
    "abort",
    "advance",
    "answer",
    "check_gates",
    "draft_plan",
    "hold",
    "report_exposure",
    "resume",
    "revise_plan",
    "roll_back",
    "start",
    "submit",
    "supersede",
    "waive",
    "withdraw",
]
