"""The summary for people outside: its draft, what is released, and the files to hand on."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from benchmarks import public_summaries
from benchmarks.forms import valid
from benchmarks.models import Program, PublicSummary
from benchmarks.program_forms import ReasonForm
from benchmarks.public_summary_forms import PublishForm
from catalog.actions import require
from catalog.models import Project
from catalog.pages import FormPage, act, address, project_of


class ProgramPublic(FormPage):
    """What is released, and for reviewers what would be, with the words they release it by."""

    form_class = PublishForm
    template_name = "benchmarks/public_summary.html"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.program = self.find(Program.objects.select_related("model"), kwargs["pk"])

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        require(request.user, public_summaries.PERMISSION, self.program, public_summaries.REFUSAL)
        return super().post(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "program": self.program}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        may_publish = self.may(public_summaries.PERMISSION)
        rows = self.program.public_summaries.select_related("created_by", "withdrawn_by")
        return super().get_context_data(
            program=self.program,
            released=rows.published().first(),
            summaries=list(rows),
            may_publish=may_publish,
            is_owner=self.program.owner_id == self.request.user.pk,
            draft=public_summaries.draft(self.program) if may_publish else None,
            **kwargs,
        )

    def act(self, form: Any) -> str:
        given = form.cleaned_data
        public_summaries.publish(
            self.program,
            title=given["title"],
            areas=form.areas(),
            numbers=given["numbers"],
            by=self.request.user,
            reason=given["reason"],
        )
        messages.success(self.request, "Released. Hand on the file; it needs no sign-in.")
        return address("program-public", self.project, pk=self.program.pk)


@act
def public_summary_withdraw(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    rows = PublicSummary.objects.visible_to(request.user).in_project(project)
    row = get_object_or_404(rows.select_related("program"), pk=pk)
    require(request.user, public_summaries.PERMISSION, row, public_summaries.REFUSAL)
    reason = valid(ReasonForm(request.POST))["reason"]
    public_summaries.withdraw(row, by=request.user, reason=reason)
    messages.success(request, "Withdrawn. Files that were handed on before are out of reach.")
    return redirect(address("program-public", project, pk=row.program_id))


def _released(request: HttpRequest, project: str, pk: int) -> PublicSummary:
    """A withdrawn summary is answered like a missing one."""
    rows = PublicSummary.objects.visible_to(request.user).in_project(project_of(request, project))
    return get_object_or_404(rows.published(), pk=pk)


@require_safe
def public_summary_html(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """One file that needs nothing else; it holds the released content and no word more."""
    row = _released(request, project, pk)
    context = {"content": row.content, "digest": row.digest, "released_on": row.created_at}
    response = render(request, "benchmarks/public_file.html", context)
    response["Content-Disposition"] = 'attachment; filename="summary.html"'
    return response


@require_safe
def public_summary_json(request: HttpRequest, project: str, pk: int) -> HttpResponse:
    """The content to the byte that its digest names."""
    row = _released(request, project, pk)
    response = JsonResponse(row.content, json_dumps_params={"ensure_ascii": False})
    response["Content-Disposition"] = 'attachment; filename="summary.json"'
    return response
