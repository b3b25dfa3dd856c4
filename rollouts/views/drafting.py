"""Writing a draft: the plan, then its stages and their gates, a page each.

A draft is rewritten as a whole, so stages and gates are named by their positions.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from catalog.errors import Conflict
from catalog.models import Project
from catalog.pages import FormPage, act, address
from rollouts import actions
from rollouts.choices import GateKind, PlanStatus
from rollouts.forms import ActForm, GateForm, PlanForm, StageForm, valid
from rollouts.models import RolloutPlan, Stage

_STAGE = ("name", "exposure", "cohort", "soak_hours", "minimum_sample")
_GATE = ("kind", "name", "why", "suite", "metric", "slice", "margin", "stop_loss", "severity")
_PLAN = ("title", "owner", "hypothesis", "scope", "limits", "risk_tier", "watch_suite")
_AUTHOR = "rollouts.author_plan"
_REFUSAL = "Only contributors of the project write rollout plans."

Stages = list[dict[str, Any]]


def stages_of(plan: RolloutPlan) -> Stages:
    """The stages as `draft_plan` and `revise_plan` take them."""
    rows = plan.stages.prefetch_related("gates__suite").order_by("position")
    return [_stage(row) for row in rows]


def _stage(row: Stage) -> dict[str, Any]:
    gates = [
        {name: getattr(gate, name) for name in _GATE}
        for gate in sorted(row.gates.all(), key=lambda gate: gate.position)
    ]
    return {**{name: getattr(row, name) for name in _STAGE}, "gates": gates}


class RolloutNew(FormPage):
    """`?copy=` names a plan whose words, stages and gates the new one starts with."""

    form_class = PlanForm
    template_name = "rollouts/plan_form.html"
    permission_required = _AUTHOR
    refusal = _REFUSAL

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        asked = request.GET.get("copy", "")
        rows = RolloutPlan.objects.select_related("model", "watch_suite", "owner")
        self.pattern = self.find(rows, int(asked)) if asked.isdecimal() else None

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "project": self.project, "is_new": True}

    def get_initial(self) -> dict[str, Any]:
        given: dict[str, Any] = {"owner": self.request.user.pk}
        if self.pattern:
            given |= {name: getattr(self.pattern, name) for name in _PLAN}
            given |= {"owner": self.request.user.pk, "fallback": self.pattern.fallback_id}
            given["title"] = f"{self.pattern.title} (copy)"
        for name in ("candidate", "fallback"):
            if asked := self.request.GET.get(name):
                given[name] = asked
        return given

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(pattern=self.pattern, **kwargs)

    def act(self, form: Any) -> str:
        stages = stages_of(self.pattern) if self.pattern else []
        candidate = form.cleaned_data["candidate"]
        plan = actions.draft_plan(
            candidate.model, by=self.request.user, stages=stages, **form.cleaned_data
        )
        return address("rollout-detail", self.project, pk=plan.pk)


class DraftPage(FormPage):
    """A form about one draft; a plan that is no draft any more is not written on."""

    permission_required = _AUTHOR
    refusal = _REFUSAL
    plan: RolloutPlan

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        rows = RolloutPlan.objects.select_related("model__project", "candidate", "fallback")
        self.plan = self.find(rows, kwargs["pk"])

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if self.plan.status != PlanStatus.DRAFT:
            messages.error(request, "This plan is no draft, so what it says does not change.")
            return redirect(self.home())
        return super().dispatch(request, *args, **kwargs)

    def home(self) -> str:
        return address("rollout-detail", self.project, pk=self.plan.pk)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(plan=self.plan, **kwargs)

    def seen(self) -> dict[str, Any]:
        return {"expected_version": self.plan.lock_version}

    def revise(self, form: Any, change: Callable[[Stages], int]) -> str:
        """Rewrite the stages; `change` says which of them the page then shows."""
        stages = stages_of(self.plan)
        shown = change(stages)
        version = form.cleaned_data["expected_version"]
        actions.revise_plan(
            self.plan, by=self.request.user, stages=stages, expected_version=version
        )
        return f"{self.home()}?stage={shown}#gates"


class RolloutEdit(DraftPage):
    form_class = PlanForm
    template_name = "rollouts/plan_form.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "project": self.project, "is_new": False}

    def get_initial(self) -> dict[str, Any]:
        names = (*_PLAN, "candidate", "fallback")
        return self.seen() | {name: getattr(self.plan, name) for name in names}

    def act(self, form: Any) -> str:
        actions.revise_plan(self.plan, by=self.request.user, **form.cleaned_data)
        return self.home()


class StagePage(DraftPage):
    """Adds a stage, or edits the one at the position `stage` of the address."""

    form_class = StageForm
    template_name = "rollouts/stage_form.html"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.position: int | None = kwargs.get("stage")
        self.stage = _at(self.plan, self.position) if self.position else None

    def get_initial(self) -> dict[str, Any]:
        names = _STAGE if self.stage else ()
        return self.seen() | {name: getattr(self.stage, name) for name in names}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(stage=self.stage, **kwargs)

    def act(self, form: Any) -> str:
        given = {name: form.cleaned_data[name] for name in _STAGE}
        return self.revise(form, lambda stages: self.place(stages, given))

    def place(self, stages: Stages, given: dict[str, Any]) -> int:
        if self.position is None:
            # Who is asked in the end is known; what is asked of the evidence is the author's.
            ending = {"kind": GateKind.APPROVAL, "name": "Sign-off"}
            stages.append({**given, "gates": [ending]})
            return len(stages)
        stages[self.position - 1].update(given)
        return self.position


class GatePage(DraftPage):
    """Adds a gate of the `?kind=` asked to a stage, or edits the one at a position in it."""

    form_class = GateForm
    template_name = "rollouts/gate_form.html"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.stage = _at(self.plan, kwargs["stage"])
        self.position: int | None = kwargs.get("gate")
        self.gate = _at(self.stage, self.position) if self.position else None

    def kind(self) -> str:
        asked = self.gate.kind if self.gate else self.request.GET.get("kind", "")
        return asked if asked in GateKind.values else GateKind.EVIDENCE.value

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "plan": self.plan, "kind": self.kind()}

    def get_initial(self) -> dict[str, Any]:
        names = _GATE if self.gate else ()
        return self.seen() | {name: getattr(self.gate, name) for name in names}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            stage=self.stage,
            gate=self.gate,
            kind=GateKind(self.kind()),
            kinds=GateKind.choices,
            **kwargs,
        )

    def act(self, form: Any) -> str:
        given = {name: value for name, value in form.cleaned_data.items() if name in _GATE}
        return self.revise(form, lambda stages: self.place(stages, given))

    def place(self, stages: Stages, given: dict[str, Any]) -> int:
        gates = stages[self.stage.position - 1]["gates"]
        if self.position is not None:
            gates[self.position - 1] = given
        elif gates and gates[-1]["kind"] == GateKind.APPROVAL:
            gates.insert(len(gates) - 1, given)  # people are asked last
        else:
            gates.append(given)
        return self.stage.position


def _at(parent: Any, position: int | None) -> Any:
    rows = parent.stages if isinstance(parent, RolloutPlan) else parent.gates
    return get_object_or_404(rows, position=position)


# -- taking away ------------------------------------------------------------------------------


@act(back="rollout-detail")
def stage_remove(request: HttpRequest, project: Project, pk: int, stage: int) -> HttpResponse:
    return _without(request, project, pk, lambda stages: stages.pop(stage - 1))


@act(back="rollout-detail")
def gate_remove(
    request: HttpRequest, project: Project, pk: int, stage: int, gate: int
) -> HttpResponse:
    return _without(request, project, pk, lambda stages: stages[stage - 1]["gates"].pop(gate - 1))


def _without(
    request: HttpRequest, project: Project, pk: int, take: Callable[[Stages], Any]
) -> HttpResponse:
    rows = RolloutPlan.objects.visible_to(request.user).in_project(project)
    plan = get_object_or_404(rows.select_related("model__project"), pk=pk)
    if plan.status != PlanStatus.DRAFT:
        raise Conflict("Nothing is taken out of a submitted plan.")
    stages = stages_of(plan)
    try:
        take(stages)
    except IndexError as missing:
        raise Http404("There is no such stage or gate.") from missing
    given = valid(ActForm(request.POST))
    actions.revise_plan(plan, by=request.user, stages=stages, **given)
    return redirect(address("rollout-detail", project, pk=pk) + "#gates")
