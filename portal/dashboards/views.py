"""The front doors: what needs the person who has just come in, project by project."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe
from django.views.generic import ListView, TemplateView

from catalog.models import Project
from catalog.pages import ProjectPage, address
from portal.dashboards import data_due, overview, queries
from rollouts.models import Approval, ApprovalRequest
from rollouts.panels.signing import may_answer

ANSWERS_PER_PAGE = 15


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Straight into the only project; with several, or none, to the list of them."""
    slugs = list(Project.objects.visible_to(request.user).values_list("slug", flat=True)[:2])
    return redirect("project-home", slugs[0]) if len(slugs) == 1 else redirect("project-list")


class ProjectList(ListView):
    """The projects that the person belongs to."""

    template_name = "portal/projects.html"

    def get_queryset(self) -> QuerySet[Any]:
        return Project.objects.visible_to(self.request.user)


class Dashboard(ProjectPage, TemplateView):
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # Django's own hands the parts of the address to the context, where the project is a row.
        return self.render_to_response(self.get_context_data())


class ProjectHome(Dashboard):
    template_name = "portal/home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        project, user = self.project, self.request.user
        return super().get_context_data(
            needs=queries.gathered((*queries.NEEDS, data_due.data_due), project, user),
            risks=queries.gathered(queries.RISKS, project, user),
            changes=overview.changes(project),
            strips=overview.strips(project),
            **kwargs,
        )


class Inbox(Dashboard):
    """What this person is asked to decide, has decided, and why the rest is not theirs."""

    template_name = "portal/inbox.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        project, user = self.project, self.request.user
        decisions = (
            queries.approvals_to_sign,
            queries.baselines_to_decide,
            queries.cases_to_verify,
        )
        waiting = queries.gathered(decisions, project, user)
        answers = self.within(Approval.objects).filter(user=user).order_by("-pk")
        related = answers.select_related("request__plan__candidate", "request__stage")
        page = Paginator(related, ANSWERS_PER_PAGE).get_page(self.request.GET.get("page"))
        return super().get_context_data(
            waiting=sorted(waiting, key=lambda item: (item.since is None, item.since)),
            page_obj=page,
            others=self.others(),
            **kwargs,
        )

    def others(self) -> list[dict[str, Any]]:
        """Open sign-offs of the project that somebody else has to answer, and why."""
        rows = (
            self.within(ApprovalRequest.objects)
            .open()
            .select_related("plan__model__project", "plan__candidate", "stage")
        )
        asked = [(row, *may_answer(row, self.request.user)) for row in rows.order_by("opened_at")]
        return [
            {
                "request": row,
                "why": why,
                "url": address("rollout-detail", self.project, pk=row.plan_id) + "#sign-off",
            }
            for row, mine, why in asked
            if not mine
        ]
