"""What every page of a project shares: the wall around its rows, the shapes of list, detail, form
and act, and the lists to which the levels above add what they know of a catalog row."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any, NotRequired, TypedDict, overload

import django_filters
from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db.models import F, Q, QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST
from django.views.generic import DetailView, FormView, ListView

from catalog.errors import Conflict
from catalog.models import (
    Assumption,
    DatasetVersion,
    FailureCase,
    ModelVersion,
    Project,
    RegisteredModel,
)

# -- what the levels above add ----------------------------------------------------------------


class Entry(TypedDict):
    """One line of a timeline, as the timeline component reads it."""

    when: datetime
    title: str
    kind: NotRequired[str]
    who: NotRequired[str]
    sentence: NotRequired[str]
    url: NotRequired[str]
    badge: NotRequired[str]


@dataclass(frozen=True)
class Panel:
    """A part of a catalog page that another app fills: its template reads `panel.context`."""

    title: str
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AssumptionStatus:
    """What the evidence says of an assumption: holds, violated or untested, and why."""

    status: str
    sentence: str
    url: str = ""


#: Appended to in `AppConfig.ready` by the apps above: (row, user) → what to show.
timeline_providers: list[Callable[[RegisteredModel, Any], Iterable[Entry]]] = []
model_panels: list[Callable[[RegisteredModel, Any], Panel | None]] = []
version_panels: list[Callable[[ModelVersion, Any], Panel | None]] = []
assumption_panels: list[Callable[[Assumption, Any], Panel | None]] = []
data_panels: list[Callable[[DatasetVersion, Any], Panel | None]] = []
failure_panels: list[Callable[[FailureCase, Any], Panel | None]] = []
#: (assumptions, user) → status by primary key, for a whole list at once; no key means no opinion.
assumption_status_providers: list[
    Callable[[Sequence[Assumption], Any], Mapping[int, AssumptionStatus]]
] = []

UNTESTED = AssumptionStatus("untested", "No scenario that tests it has been run.")
#: Where two sources disagree the worse news is shown.
_WORST_FIRST = ("violated", "untested", "holds")


def panels(
    providers: Iterable[Callable[[Any, Any], Panel | None]], row: Any, user: Any
) -> list[Panel]:
    return [panel for provide in providers if (panel := provide(row, user)) is not None]


def assumption_statuses(rows: Sequence[Assumption], user: Any) -> dict[int, AssumptionStatus]:
    """The status of every given assumption; without any evidence it is untested, never holding."""
    found: dict[int, list[AssumptionStatus]] = {row.pk: [] for row in rows}
    for provide in assumption_status_providers:
        for pk, status in provide(rows, user).items():
            found[pk].append(status)
    return {
        pk: min(given, key=lambda one: _WORST_FIRST.index(one.status), default=UNTESTED)
        for pk, given in found.items()
    }


# -- the wall ---------------------------------------------------------------------------------


def project_of(request: HttpRequest, slug: str) -> Project:
    """The project of an address; a foreign one is answered like a missing one."""
    project = get_object_or_404(Project.objects.visible_to(request.user), slug=slug)
    request.project = project  # type: ignore[attr-defined]
    return project


def address(name: str, project: Project, **kwargs: Any) -> str:
    return reverse(name, kwargs={"project": project.slug, **kwargs})


class ProjectPage:
    """A page of the project that its address names; its rows never leave the project.

    `permission_required` is asked in the project; a refusal is a 403 that says `refusal`.
    """

    permission_required = ""
    refusal = "Your roles in this project do not allow this."
    request: HttpRequest
    project: Project

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)  # type: ignore[misc]
        self.project = project_of(request, kwargs["project"])
        if self.permission_required and not self.may(self.permission_required):
            raise PermissionDenied(self.refusal)

    def may(self, permission: str) -> bool:
        return self.request.user.has_perm(permission, self.project)

    def find(self, rows: Any, pk: int) -> Any:
        """The row of this key in this project; one of elsewhere is answered like a missing one."""
        return get_object_or_404(self.within(rows), pk=pk)

    def within(self, rows: Any) -> Any:
        return rows.visible_to(self.request.user).in_project(self.project)

    def get_queryset(self) -> QuerySet[Any]:
        return self.within(super().get_queryset())  # type: ignore[misc]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**{**kwargs, "project": self.project})  # type: ignore[misc]


# -- shapes -----------------------------------------------------------------------------------


class Filters(django_filters.FilterSet):
    """The filters of a list; `q` searches the words in the page's `search_fields`.

    Choices that depend on the project are querysets that take the request: `request.project`.
    """

    search_fields: Sequence[str] = ()

    q = django_filters.CharFilter(method="search", label="Search", max_length=200)

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        for word in value.split():
            anywhere = Q()
            for path in self.search_fields:
                anywhere |= Q(**{f"{path}__icontains": word})
            rows = rows.filter(anywhere)
        return rows


class ListPage(ProjectPage, ListView):
    """A searchable, filterable, sortable list in pages; an unknown sort is ignored.

    `sort_fields` maps what an address may say to the fields behind it; `sort_default` is one of
    its keys, with a dash for descending.
    """

    paginate_by = 25
    filter_class: type[Filters] = Filters
    search_fields: Sequence[str] = ()
    sort_fields: Mapping[str, str | tuple[str, ...]] = {}
    sort_default = ""
    filters: Filters

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        self.filters = self.filter_class(self.filter_data(), rows, request=self.request)
        self.filters.search_fields = self.search_fields
        return self.sorted(self.filters.qs)

    def filter_data(self) -> Any:
        return self.request.GET

    def sorted(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        asked = self.request.GET.get("sort", "")
        chosen = asked if asked.removeprefix("-") in self.sort_fields else self.sort_default
        if not chosen:
            return rows
        paths = self.sort_fields[chosen.removeprefix("-")]
        paths = (paths,) if isinstance(paths, str) else paths
        # The key last: without it rows of equal value could show on two pages or on none.
        return rows.order_by(*(_order(path, chosen.startswith("-")) for path in paths), "pk")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        is_filtered = any(self.request.GET.get(name) for name in self.filters.form.fields)
        return super().get_context_data(filter=self.filters, is_filtered=is_filtered, **kwargs)


def _order(path: str, descending: bool) -> Any:
    # Databases differ on where an absent value sorts; here it is always last.
    return F(path).desc(nulls_last=True) if descending else F(path).asc(nulls_last=True)


class DetailPage(ProjectPage, DetailView):
    """One row of the project, by the `pk` of its address."""


class FormPage(ProjectPage, FormView):
    """A form whose `act` calls one action and says where to go; refusals stand by the fields."""

    def act(self, form: Any) -> str:
        raise NotImplementedError

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            return redirect(self.act(form))
        except ValidationError as error:
            add_errors(form, error)
        except Conflict as conflict:
            form.add_error(None, str(conflict))
        return self.form_invalid(form)


def add_errors(form: BaseForm, error: ValidationError) -> None:
    """Put an action's sentences beside the fields they name, or above the form."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, problems in error.error_dict.items():
        known = name != NON_FIELD_ERRORS and name in form.fields
        form.add_error(name if known else None, problems)


@overload
def act(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]: ...


@overload
def act(*, back: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]: ...


def act(view: Callable[..., HttpResponse] | None = None, *, back: str = "") -> Any:
    """Make `view(request, project, **kwargs)` an act: POST only, behind the project's wall.

    What an action refuses becomes a message on the page named by `back` (an URL name that takes
    the same `pk`), else on the page the person came from. PermissionDenied stays a 403.
    """

    def decorate(inner: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @require_POST
        @wraps(inner)
        def wrapper(request: HttpRequest, project: str, **kwargs: Any) -> HttpResponse:
            row = project_of(request, project)
            try:
                return inner(request, row, **kwargs)
            except (ValidationError, Conflict) as error:
                for sentence in sentences(error):
                    messages.error(request, sentence)
                return HttpResponseRedirect(_way_back(request, row, back, kwargs))

        return wrapper

    return decorate if view is None else decorate(view)


def sentences(error: ValidationError | Conflict) -> list[str]:
    return list(error.messages) if isinstance(error, ValidationError) else [str(error)]


def _way_back(request: HttpRequest, project: Project, back: str, kwargs: dict[str, Any]) -> str:
    if back:
        return address(back, project, **{k: v for k, v in kwargs.items() if k == "pk"})
    came_from = request.headers.get("Referer", "")
    own = url_has_allowed_host_and_scheme(
        came_from, {request.get_host()}, require_https=request.is_secure()
    )
    return came_from if own else "/"
