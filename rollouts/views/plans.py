"""The list of rollouts, one rollout with everything it rests on, and one request by itself."""

from typing import Any

from django.utils import timezone

from catalog.pages import DetailPage, ListPage
from rollouts.choices import PlanStatus
from rollouts.definition import problems
from rollouts.forms import PlanFilters, WaiverForm
from rollouts.ledger import first_broken
from rollouts.models import ApprovalRequest, RolloutPlan
from rollouts.panels import cards, deeds, signing, summary
from rollouts.policy import contributors

#: Everything about a plan that a page says beside its gates.
PLANS = RolloutPlan.objects.select_related(
    "model__project", "model__owner", "candidate", "fallback", "owner", "watch_suite"
).prefetch_related("stages")


class RolloutList(ListPage):
    queryset = PLANS
    template_name = "rollouts/rollout_list.html"
    filter_class = PlanFilters
    search_fields = (
        "title",
        "hypothesis",
        "model__title",
        "candidate__version",
        "owner__first_name",
        "owner__username",
    )
    sort_fields = {
        "title": "title",
        "model": ("model__title", "created_at"),
        "status": ("status", "created_at"),
        "exposure": ("exposure", "created_at"),
        "written": "created_at",
    }
    sort_default = "-written"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(may_write=self.may("rollouts.author_plan"), **kwargs)
        context["rows"] = [(plan, summary.place(plan)) for plan in context["page_obj"]]
        return context


class RolloutDetail(DetailPage):
    """`?stage=` names the stage whose gates are shown, by its position."""

    queryset = PLANS
    context_object_name = "plan"
    template_name = "rollouts/rollout_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        plan, user = self.object, self.request.user
        stage = summary.chosen_stage(plan, self.request.GET.get("stage", ""))
        found = self.gates(plan, stage)
        request = signing.request_for(plan, stage)
        faults = problems(plan) if plan.status == PlanStatus.DRAFT else []
        may_write = self.may("rollouts.author_plan")
        decisions = list(plan.decisions.select_related("actor", "stage").order_by("-number"))
        return super().get_context_data(
            stage=stage,
            steps=summary.steps(plan, chosen=stage),
            cards=found,
            stage_verdict=cards.verdict(found),
            tally=cards.tally(found),
            sign_off=signing.sign_off(request, user, self.project) if request else None,
            faults=faults,
            deeds=deeds.deeds(plan, user, self.standing(plan), faults),
            waiver_form=WaiverForm(),
            requests=list(plan.requests.select_related("stage")),
            may_write=may_write,
            may_edit_draft=may_write and plan.status == PlanStatus.DRAFT,
            decisions=decisions,
            broken=first_broken(plan),
            setback=summary.setback(plan, decisions),
            replayed=summary.replayed_years(plan),
            expected={"expected_version": plan.lock_version},
            **kwargs,
        )

    def gates(self, plan: RolloutPlan, stage: Any) -> list[cards.Card]:
        if stage is None:
            return []
        may_waive = self.may("rollouts.waive_gate")
        if may_waive:
            may_waive = self.request.user.pk not in contributors(plan)
        return cards.cards(stage, self.project, now=timezone.now(), may_waive=may_waive)

    def standing(self, plan: RolloutPlan) -> ApprovalRequest | None:
        return plan.requests.filter(status__in=["open", "approved"]).first()


class RequestDetail(DetailPage):
    """What was asked and signed, on a page that can be printed and filed."""

    queryset = ApprovalRequest.objects.select_related(
        "plan__model__project", "plan__candidate", "plan__fallback", "plan__owner", "stage"
    )
    context_object_name = "approval_request"
    template_name = "rollouts/request_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        request = self.object
        return super().get_context_data(
            plan=request.plan,
            stage=request.stage,
            sign_off=signing.sign_off(request, self.request.user, self.project),
            replayed=summary.replayed_years(request.plan),
            **kwargs,
        )
