"""One approval request laid open: what exactly is signed, who may sign it and who has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model

from benchmarks.models import Baseline, ChallengeRun, Suite
from catalog.choices import REVIEWER_ROLES, FailureSeverity, Role
from catalog.digests import canonical_json
from catalog.models import Project
from catalog.pages import address
from rollouts import policy, signoff
from rollouts.choices import Answer, RequestStatus
from rollouts.models import Approval, ApprovalRequest, Gate, GateCheck, RolloutPlan
from rollouts.querysets import slots_open_to


@dataclass(frozen=True)
class Slot:
    """One function that is asked, who could answer for it and who did."""

    role: str
    label: str
    approval: Approval | None
    people: tuple[str, ...]


@dataclass(frozen=True)
class SignedGate:
    name: str
    check: GateCheck | None
    verdict: str
    digest: str


@dataclass(frozen=True)
class SignedRun:
    title: str
    url: str
    status: str
    verdict: str
    digest: str
    observed_until: datetime | None


@dataclass(frozen=True)
class SignOff:
    """The request and its frozen bundle in words, row by row."""

    request: ApprovalRequest
    slots: tuple[Slot, ...]
    answers: tuple[Approval, ...]
    gates: tuple[SignedGate, ...]
    runs: tuple[SignedRun, ...]
    baselines: tuple[tuple[str, str, str], ...]
    cases: tuple[tuple[str, str, int], ...]
    waivers: tuple[Mapping[str, Any], ...]
    raw: str
    mine: tuple[tuple[str, str], ...]
    refusal: str

    @property
    def is_open(self) -> bool:
        return self.request.status == RequestStatus.OPEN

    @property
    def evidence(self) -> Mapping[str, Any]:
        return self.request.evidence

    @property
    def signed(self) -> int:
        return sum(slot.approval is not None for slot in self.slots)

    @property
    def errored(self) -> int:
        return sum(run.status != "evaluated" for run in self.runs)

    @property
    def failed(self) -> int:
        return sum(run.verdict == "fail" for run in self.runs)

    @property
    def awaited(self) -> str:
        open_slots = [slot.label for slot in self.slots if slot.approval is None]
        return " and ".join(open_slots)


def sign_off(request: ApprovalRequest, user: Any, project: Project) -> SignOff:
    answers = tuple(request.approvals.select_related("user"))
    content = request.evidence
    mine, refusal = may_answer(request, user)
    return SignOff(
        request=request,
        slots=tuple(_slots(request, answers)),
        answers=answers,
        gates=tuple(_gates(content["gates"])),
        runs=tuple(_runs(content["attempts"], project)),
        baselines=tuple(_baselines(content["baselines"], project)),
        cases=tuple(_cases(content["failure_cases"], request.plan, project)),
        waivers=tuple(_waivers(content["waivers"])),
        raw=canonical_json(content).decode(),
        mine=tuple((slot, Role(slot).label) for slot in mine),
        refusal=refusal,
    )


def request_for(plan: RolloutPlan, stage: Any) -> ApprovalRequest | None:
    """The newest request about a stage; before the first stage begins, that about the plan."""
    rows = plan.requests.select_related("stage", "plan__model__project")
    about = rows.filter(stage=stage) if stage and stage.started_at else rows.filter(stage=None)
    return about.first()


# -- who may ----------------------------------------------------------------------------------


def may_answer(request: ApprovalRequest, user: Any) -> tuple[list[str], str]:
    """The slots that this person may fill, or a sentence that says why there is none."""
    if request.status != RequestStatus.OPEN:
        return [], f"This sign-off is {request.get_status_display().lower()}."
    if not user.has_perm("rollouts.sign", request):
        return [], "You hold no reviewer role in this project, so nothing is asked of you here."
    answered = request.approvals.filter(user=user).first()
    if answered is not None:
        return [], f"You answered already: {answered.get_answer_display().lower()}."
    if why := own_work(request.plan, user):
        return [], f"{why} Somebody else has to sign."
    return _by_role(request, user)


def own_work(plan: RolloutPlan, user: Any) -> str:
    """Why the sign-off is about this person's own work; empty when it is not."""
    if user.pk not in policy.contributors(plan):
        return ""
    if user.pk in {plan.owner_id, plan.created_by_id}:
        return "You wrote or own this plan."
    if user.pk == plan.candidate.created_by_id:
        return f"You registered {plan.candidate.version}."
    return "You worked on this plan or its evidence."


def _by_role(request: ApprovalRequest, user: Any) -> tuple[list[str], str]:
    if mine := slots_open_to(user, request):
        return mine, ""
    asked = {Role(slot) for slot in request.slots}
    held = {role for role in REVIEWER_ROLES if _holds(user, role, request)}
    if held & asked:
        label = " and ".join(role.label for role in REVIEWER_ROLES if role in held & asked)
        return [], f"“{label}” has been signed by somebody else."
    asked_for = ", ".join(role.label for role in REVIEWER_ROLES if role in asked)
    return [], f"This asks {asked_for}; you hold none of these roles here."


def _holds(user: Any, role: str, request: ApprovalRequest) -> bool:
    return signoff.holds_slot(user, role, request)


# -- what is signed ---------------------------------------------------------------------------


def _slots(request: ApprovalRequest, answers: Iterable[Approval]) -> Iterable[Slot]:
    signed = {answer.slot: answer for answer in answers if answer.answer == Answer.APPROVED}
    project = request.plan.model.project
    excluded = policy.contributors(request.plan)
    could = {
        slot: policy.eligible(project, slot, excluding=excluded)
        for slot in request.slots
        if slot not in signed
    }
    names = _names({person for people in could.values() for person in people})
    for slot in request.slots:
        people = sorted(names[person] for person in could.get(slot, set()))
        yield Slot(slot, Role(slot).label, signed.get(slot), tuple(people))


def _names(people: set[int]) -> dict[int, str]:
    return {user.pk: str(user) for user in get_user_model().objects.filter(pk__in=people)}


def _gates(rows: list[dict[str, Any]]) -> Iterable[SignedGate]:
    gates = Gate.objects.in_bulk([row["gate"] for row in rows])
    checks = GateCheck.objects.in_bulk([row["check"] for row in rows])
    for row in rows:
        gate = gates.get(row["gate"])
        name = gate.name if gate else f"Gate {row['gate']}"
        yield SignedGate(name, checks.get(row["check"]), row["verdict"], row["evidence_digest"])


def _runs(rows: list[dict[str, Any]], project: Project) -> Iterable[SignedRun]:
    found = (
        ChallengeRun.objects.select_related("suite", "dataset_version", "model_version")
        .defer("plan", "environment")
        .in_bulk([row["id"] for row in rows])
    )
    for row in rows:
        run = found.get(row["id"])
        window = run.dataset_version if run else None
        yield SignedRun(
            title=f"Run {row['id']}" + (f", {run.suite.title}" if run else ""),
            url=address("run-detail", project, pk=row["id"]) if run else "",
            status=row["status"],
            verdict=row["verdict"],
            digest=row["digest"],
            observed_until=window.ends_at if window else None,
        )


def _baselines(rows: list[dict[str, Any]], project: Project) -> Iterable[tuple[str, str, str]]:
    found = Baseline.objects.select_related("run__model_version").in_bulk(
        [row["id"] for row in rows]
    )
    suites = Suite.objects.in_bulk([row["suite"] for row in rows])
    for row in rows:
        baseline, suite = found.get(row["id"]), suites.get(row["suite"])
        version = baseline.run.model_version.version if baseline else "a baseline"
        title = f"{version} in {suite.title}" if suite else version
        yield title, address("run-detail", project, pk=row["run"]), row["digest"]


def _cases(
    rows: list[dict[str, Any]], plan: RolloutPlan, project: Project
) -> Iterable[tuple[str, str, int]]:
    """How many open cases of each severity, the worst first."""
    place = address("failure-list", project)
    for severity in reversed(FailureSeverity.values):
        count = sum(row["severity"] == severity for row in rows)
        if count:
            yield severity, f"{place}?model={plan.model_id}&severity={severity}", count


def _waivers(rows: list[dict[str, Any]]) -> Iterable[Mapping[str, Any]]:
    gates = Gate.objects.in_bulk([row["gate"] for row in rows])
    names = _names({row["by"] for row in rows})
    for row in rows:
        gate = gates.get(row["gate"])
        yield {
            **row,
            "gate": gate.name if gate else f"Gate {row['gate']}",
            "by": names.get(row["by"], "somebody"),
            "expires_at": datetime.fromisoformat(row["expires_at"]),
        }
