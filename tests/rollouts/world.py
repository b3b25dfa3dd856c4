"""The cast of every rollout test: fixed people, one model with its version in production."""

from dataclasses import dataclass, field
from typing import Any

from benchmarks.choices import SuiteKind
from benchmarks.models import ChallengeRun, Suite
from catalog.choices import Role
from catalog.models import ModelVersion, Project, RegisteredModel
from portal.accounts.models import User
from rollouts import actions
from rollouts.models import Approval, ApprovalRequest, RolloutPlan
from rollouts.signoff import standing_request
from tests import builders


@dataclass
class World:
    """One project with its people, two versions of a model, two suites, a run of each version."""

    project: Project
    author: User
    scientist: User
    product: User
    risk: User
    operator: User
    adapter: User
    outsider: User
    model: RegisteredModel
    stable: ModelVersion
    candidate: ModelVersion
    suite: Suite
    watch: Suite
    stable_run: ChallengeRun
    run: ChallengeRun
    slots: dict[str, User] = field(default_factory=dict)

    def draft(self, *stages: dict[str, Any], **fields: Any) -> RolloutPlan:
        stages = stages or (builders.a_stage(builders.a_suite_gate(self.suite)),)
        given = {"by": self.author, "fallback": self.stable, **fields}
        return builders.a_plan(self.candidate, stages=stages, **given)

    def sign(self, request: ApprovalRequest, slot: str, **fields: Any) -> Approval:
        given = {
            "by": self.slots[slot],
            "answer": "approved",
            "evidence_digest": request.evidence_digest,
            **fields,
        }
        return actions.answer(request, slot=slot, **given)

    def sign_all(self, plan: RolloutPlan) -> None:
        request = standing_request(plan)
        for slot in request.slots:
            self.sign(request, slot)

    def approved(self, *stages: dict[str, Any], **fields: Any) -> RolloutPlan:
        plan = self.draft(*stages, **fields)
        actions.submit(plan, by=self.author)
        self.sign_all(plan)
        plan.refresh_from_db()
        return plan

    def running(self, *stages: dict[str, Any], **fields: Any) -> RolloutPlan:
        return actions.start(self.approved(*stages, **fields), by=self.operator)

    def watched(self, *gates: dict[str, Any], **fields: Any) -> RolloutPlan:
        """A plan that runs, with its gates on the watch suite."""
        return self.running(builders.a_stage(*gates), watch_suite=self.watch, **fields)

    def judge(self, suite: Suite | None = None, **fields: Any) -> ChallengeRun:
        """A new judged run of the candidate, against the version in production."""
        given = {"baseline_run": self.stable_run, **fields}
        return builders.an_evaluated_run(self.candidate, suite or self.suite, **given)


def build_world() -> World:
    project = builders.a_project()
    author = builders.a_person(project, Role.CONTRIBUTOR, name="Ada")
    people = {
        "scientist": builders.a_person(project, Role.DATA_SCIENCE, name="Sofia"),
        "product": builders.a_person(project, Role.PRODUCT, name="Paul"),
        "risk": builders.a_person(project, Role.RISK, name="Rita"),
        "operator": builders.a_person(project, Role.OPERATOR, name="Otto"),
    }
    model = builders.a_model(project, owner=author)
    stable = builders.a_version(model, "v1", by=author)
    model.production_version = stable
    model.record(by=author)
    candidate = builders.a_version(model, "v2", by=author)
    suite = builders.a_suite(model, by=author)
    stable_run = builders.an_evaluated_run(stable, suite)
    return World(
        project=project,
        author=author,
        **people,
        adapter=builders.a_service(project, "exposure", name="adapter"),
        outsider=builders.a_person(name="Olga"),
        model=model,
        stable=stable,
        candidate=candidate,
        suite=suite,
        watch=builders.a_suite(model, by=author, kind=SuiteKind.WATCH),
        stable_run=stable_run,
        run=builders.an_evaluated_run(candidate, suite, baseline_run=stable_run),
        slots={
            Role.DATA_SCIENCE: people["scientist"],
            Role.PRODUCT: people["product"],
            Role.RISK: people["risk"],
        },
    )
