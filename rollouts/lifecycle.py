"""Status → allowed next, for plan, stage and request; the only place that says so. Pure."""

from rollouts.choices import PlanStatus as P
from rollouts.choices import RequestStatus as R
from rollouts.choices import StageStatus as S

PLAN: dict[str, frozenset[str]] = {
    P.DRAFT: frozenset({P.IN_REVIEW, P.ABORTED, P.SUPERSEDED}),
    P.IN_REVIEW: frozenset({P.DRAFT, P.REJECTED, P.APPROVED}),
    P.APPROVED: frozenset({P.RUNNING, P.DRAFT, P.ABORTED, P.SUPERSEDED}),
    P.RUNNING: frozenset({P.PAUSED, P.ROLLING_BACK, P.COMPLETED}),
    P.PAUSED: frozenset({P.RUNNING, P.ROLLING_BACK}),
    P.ROLLING_BACK: frozenset({P.ROLLED_BACK}),
    P.ROLLED_BACK: frozenset(),
    P.COMPLETED: frozenset(),
    P.REJECTED: frozenset(),
    P.ABORTED: frozenset(),
    P.SUPERSEDED: frozenset(),
}

STAGE: dict[str, frozenset[str]] = {
    S.PENDING: frozenset({S.OBSERVING, S.CANCELLED}),
    S.OBSERVING: frozenset({S.SIGNING, S.HELD, S.STOPPED}),
    S.SIGNING: frozenset({S.OBSERVING, S.PASSED, S.HELD, S.STOPPED}),
    S.HELD: frozenset({S.OBSERVING, S.STOPPED}),
    S.PASSED: frozenset(),
    S.STOPPED: frozenset(),
    S.CANCELLED: frozenset(),
}

REQUEST: dict[str, frozenset[str]] = {
    R.OPEN: frozenset({R.APPROVED, R.CHANGES_REQUESTED, R.REJECTED, R.SUPERSEDED, R.WITHDRAWN}),
    R.APPROVED: frozenset({R.APPLIED, R.SUPERSEDED}),
    R.CHANGES_REQUESTED: frozenset(),
    R.REJECTED: frozenset(),
    R.SUPERSEDED: frozenset(),
    R.WITHDRAWN: frozenset(),
    R.APPLIED: frozenset(),
}


def allows(table: dict[str, frozenset[str]], current: str, target: str) -> bool:
    return target in table[current]
