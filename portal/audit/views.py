"""What happened in a project, to one thing in it, and all of it as a file."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Max, QuerySet
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.views.decorators.http import require_GET
from django.views.generic import ListView

from catalog.pages import ListPage, ProjectPage, project_of
from catalog.signals import happened
from portal.audit import export
from portal.audit.filters import TimelineFilters
from portal.audit.models import AuditEvent
from portal.audit.timeline import entries, kinds, names_of, project_events

PER_PAGE = 50
EXPORT = "audit.export_auditevent"


class ProjectTimeline(ListPage):
    """Everything that happened in the project, newest first."""

    model = AuditEvent
    template_name = "portal/audit_timeline.html"
    filter_class = TimelineFilters
    paginate_by = PER_PAGE

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().select_related("opening")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(may_export=self.may(EXPORT), **kwargs)
        return context | {"entries": entries(context["page_obj"].object_list, self.project)}


class ObjectTimeline(ProjectPage, ListView):
    """What happened to one thing, also after its end."""

    model = AuditEvent
    template_name = "portal/audit_object.html"
    paginate_by = PER_PAGE

    def get_queryset(self) -> QuerySet[Any]:
        model = kinds().get(self.kwargs["kind"])
        if model is None:
            raise Http404
        self.reference = (model, self.kwargs["pk"])
        label = model._meta.label_lower
        events = super().get_queryset().filter(object_type=label, object_id=self.kwargs["pk"])
        if not events.exists():
            raise Http404
        return events.select_related("opening")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        return context | {
            "name": names_of([self.reference])[self.reference],
            "kind": self.reference[0]._meta.verbose_name,
            "entries": entries(
                context["page_obj"].object_list, self.project, about=self.reference
            ),
        }


@require_GET
def timeline_csv(request: HttpRequest, project: str) -> StreamingHttpResponse:
    """The filtered timeline as CSV; its taking is on record before the first line leaves."""
    row = project_of(request, project)
    if not request.user.has_perm(EXPORT, row):
        raise PermissionDenied("Only auditors and administrators of the project export it.")
    events = project_events(row, request.user, request.GET)
    newest = events.aggregate(newest=Max("seq"))["newest"] or 0
    events = events.filter(seq__lte=newest)
    filters = {name: value for name, value in request.GET.items() if value}
    happened.send(
        sender=AuditEvent,
        action="audit.timeline.exported",
        obj=row,
        actor=request.user,
        project_id=row.pk,
        payload={"filters": filters, "events": events.count(), "until_event": newest},
    )
    response = StreamingHttpResponse(export.lines(events), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{row.slug}-audit.csv"'
    return response
