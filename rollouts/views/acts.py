"""What people do to a rollout: each a POST that calls one action and goes back to the page."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from catalog.models import Project
from catalog.pages import act, address
from rollouts import actions
from rollouts.forms import ActForm, AnswerForm, ReasonForm, WaiverForm, valid
from rollouts.models import ApprovalRequest, Gate, RolloutPlan


def _plan(request: HttpRequest, project: Project, pk: int) -> RolloutPlan:
    rows = RolloutPlan.objects.visible_to(request.user).in_project(project)
    related = rows.select_related("model__project", "fallback", "candidate")
    return get_object_or_404(related, pk=pk)


def _do(
    request: HttpRequest,
    project: Project,
    pk: int,
    action: Callable[..., Any],
    done: str,
    form: type[ActForm] = ReasonForm,
) -> HttpResponse:
    plan = _plan(request, project, pk)
    action(plan, by=request.user, **valid(form(request.POST)))
    messages.success(request, done)
    return redirect(address("rollout-detail", project, pk=pk))


@act(back="rollout-detail")
def submit(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    done = "Submitted. The reviewers find it in their inboxes."
    return _do(request, project, pk, actions.submit, done, ActForm)


@act(back="rollout-detail")
def withdraw(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    return _do(request, project, pk, actions.withdraw, "Withdrawn. It is a draft again.")


@act(back="rollout-detail")
def start(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    done = "Started. The first stage is being watched."
    return _do(request, project, pk, actions.start, done, ActForm)


@act(back="rollout-detail")
def advance(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    return _do(request, project, pk, actions.advance, "Advanced by the step signed.", ActForm)


@act(back="rollout-detail")
def hold(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    return _do(request, project, pk, actions.hold, "Held. Exposure stays where it is.")


@act(back="rollout-detail")
def resume(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    return _do(request, project, pk, actions.resume, "Resumed. The stage is watched on.")


@act(back="rollout-detail")
def roll_back(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    done = "Rolling back. It ends when the delivery system confirms that nobody is exposed."
    return _do(request, project, pk, actions.roll_back, done)


@act(back="rollout-detail")
def abort(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    return _do(request, project, pk, actions.abort, "Given up. Its record stays.")


@act
def waive(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    rows = Gate.objects.visible_to(request.user).in_project(project)
    gate = get_object_or_404(rows.select_related("stage__plan__model__project"), pk=pk)
    actions.waive(gate, by=request.user, **valid(WaiverForm(request.POST)))
    messages.success(request, f"“{gate.name}” is waived. The waiver is shown for ever.")
    return redirect(address("rollout-detail", project, pk=gate.stage.plan_id) + "#gates")


@act(back="request-detail")
def answer(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    rows = ApprovalRequest.objects.visible_to(request.user).in_project(project)
    asked = get_object_or_404(rows.select_related("plan__model__project"), pk=pk)
    given = actions.answer(asked, by=request.user, **valid(AnswerForm(request.POST)))
    words = f"{given.get_answer_display()} as {given.get_slot_display()}."
    messages.success(request, f"{words} Your name stands beside the digest you were shown.")
    return redirect(address("rollout-detail", project, pk=asked.plan_id) + "#sign-off")
