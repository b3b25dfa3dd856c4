"""The failure catalog: the list, one case with what can be done to it now, and the acts."""

from collections.abc import Iterator
from typing import Any

import django_filters
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from catalog import failures, fingerprints, pages
from catalog.choices import FailureSeverity, FailureStatus, OccurrenceSource
from catalog.forms import AnnotateForm, MoveForm, ReportForm, RevealForm
from catalog.lifecycle import MOVES, OPEN, Move, moves_from
from catalog.models import (
    FailureCase,
    FailureMode,
    FailureOccurrence,
    ModelVersion,
    RegisteredModel,
)
from catalog.pages import DetailPage, Entry, Filters, FormPage, ListPage, address
from catalog.views.models import ranked

OCCURRENCES_PER_PAGE = 20
#: What the status filter offers besides the statuses themselves; open is where the work is.
_GROUPS = [("open", "Open"), ("all", "All")]
#: Reasons that no person gave: the step recorded them itself.
_SAID_BY_THE_STEP = {"first observed", "annotated", "came back"} | {
    step.label for step in MOVES.values()
}


# -- the list ---------------------------------------------------------------------------------


class FailureFilters(Filters):
    status = django_filters.ChoiceFilter(
        choices=[*_GROUPS, *FailureStatus.choices],
        method="in_status",
        label="Status",
        empty_label=None,
    )
    severity = django_filters.ChoiceFilter(choices=FailureSeverity.choices, empty_label="Any")
    mode = django_filters.ModelChoiceFilter(
        queryset=lambda request: FailureMode.objects.in_project(request.project),
        method="in_mode",
        empty_label="Any",
    )
    model = django_filters.ModelChoiceFilter(
        queryset=lambda request: RegisteredModel.objects.in_project(request.project),
        empty_label="Any",
    )
    version = django_filters.ModelChoiceFilter(
        queryset=lambda request: ModelVersion.objects.in_project(request.project).select_related(
            "model"
        ),
        method="seen_in",
        label="Version",
        empty_label="Any",
    )
    source = django_filters.ChoiceFilter(
        choices=OccurrenceSource.choices, method="seen_by", label="Source", empty_label="Any"
    )

    def in_status(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        if value == "all":
            return rows
        return rows.filter(status__in=OPEN if value == "open" else [value])

    def in_mode(self, rows: QuerySet[Any], name: str, mode: FailureMode) -> QuerySet[Any]:
        branch = Q(mode=mode) | Q(mode__parent=mode) | Q(mode__parent__parent=mode)
        return rows.filter(branch)

    def seen_in(self, rows: QuerySet[Any], name: str, version: ModelVersion) -> QuerySet[Any]:
        # By key, not by join: a join would multiply the counts of each row.
        return rows.filter(pk__in=version_cases(version))

    def seen_by(self, rows: QuerySet[Any], name: str, source: str) -> QuerySet[Any]:
        seen = FailureOccurrence.objects.filter(source=source).order_by()
        return rows.filter(pk__in=seen.values("case"))


def version_cases(version: ModelVersion) -> QuerySet[Any]:
    return FailureOccurrence.objects.filter(model_version=version).order_by().values("case")


class FailureList(ListPage):
    queryset = FailureCase.objects.with_counts().select_related("model", "mode")
    template_name = "catalog/failure_list.html"
    filter_class = FailureFilters
    search_fields = ("title", "explanation", "model__title", "mode__name")
    sort_fields = {
        "seen": "last_seen",
        "occurrences": "seen",
        "severity": "severity_rank",
        "title": "title",
    }
    sort_default = "-seen"

    def filter_data(self) -> Any:
        data = self.request.GET.copy()
        data["status"] = data.get("status") or "open"
        return data

    def sorted(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        ranks = ranked("severity", FailureSeverity)
        return super().sorted(rows.annotate(severity_rank=ranks))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            tabs=self.tabs(), may_report=self.may("catalog.report_failure"), **kwargs
        )

    def tabs(self) -> list[dict[str, Any]]:
        """How many cases stand where; statuses without any are left out."""
        rows = self.within(FailureCase.objects).order_by().values_list("status")
        counts = dict(rows.annotate(n=Count("pk")))
        open_count = sum(n for status, n in counts.items() if status in OPEN)
        shown = [("open", "Open", open_count), ("all", "All", sum(counts.values()))]
        shown += [(s.value, s.label, counts[s.value]) for s in FailureStatus if s.value in counts]
        query = self.filter_data()
        chosen = query["status"]
        query.pop("page", None)
        tabs = []
        for key, label, n in shown:
            query["status"] = key
            address = f"?{query.urlencode()}"
            tabs.append(
                {"key": key, "label": label, "count": n, "url": address, "active": key == chosen}
            )
        return tabs


# -- one case ---------------------------------------------------------------------------------


class FailureDetail(DetailPage):
    queryset = FailureCase.objects.select_related(
        "model", "mode__parent", "annotated_by", "verified_by", "duplicate_of", "created_by"
    )
    template_name = "catalog/failure_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        case = self.object
        occurrences = case.occurrences.select_related("model_version").defer("items")
        page = Paginator(occurrences, OCCURRENCES_PER_PAGE).get_page(self.request.GET.get("page"))
        may_curate = self.may("catalog.curate_failurecase")
        return super().get_context_data(
            why_one=_why_one(case),
            page_obj=page,
            versions=list(_affected_versions(case)),
            duplicates=case.duplicates.all(),
            moves=[self.move_form(target, step) for target, step in self.legal_moves()],
            may_annotate=may_curate and case.status in {"triaged", "annotated"},
            must_wait=self.own_annotation_waits(),
            may_reveal=self.may("catalog.reveal_sensitivepayload"),
            history=list(_history(case)),
            panels=pages.panels(pages.failure_panels, case, self.request.user),
            **kwargs,
        )

    def legal_moves(self) -> Iterator[tuple[FailureStatus, Move]]:
        """The steps that the table knows and this person's roles allow."""
        case, allowed = self.object, {}
        for target, step in moves_from(case.status).items():
            if target == FailureStatus.ANNOTATED:
                continue
            if target == FailureStatus.VERIFIED and self.own_annotation_waits():
                continue
            if step.permission not in allowed:
                allowed[step.permission] = self.may(step.permission)
            if allowed[step.permission]:
                yield target, step

    def move_form(self, target: FailureStatus, step: Move) -> MoveForm:
        return MoveForm(case=self.object, to=target, step=step)

    def own_annotation_waits(self) -> bool:
        case = self.object
        annotated = case.status == FailureStatus.ANNOTATED
        return annotated and case.annotated_by_id == self.request.user.pk


def _why_one(case: FailureCase) -> str:
    # Parts of another rule than today's cannot be read by today's sentence.
    if case.fingerprint_version != fingerprints.VERSION:
        return f"All have the same fingerprint by rule {case.fingerprint_version}."
    return fingerprints.explain(case.fingerprint_parts)


def _affected_versions(case: FailureCase) -> QuerySet[Any]:
    return (
        case.occurrences.order_by()
        .values("model_version", "model_version__version")
        .annotate(seen=Sum("count"), first=Min("observed_at"), last=Max("observed_at"))
        .order_by("-last")
    )


def _history(case: FailureCase) -> Iterator[Entry]:
    """What people and machines made of a case, newest first; merely seen again is left out."""
    states = list(case.history.select_related("history_user").order_by("-history_date", "-pk"))
    for state, before in zip(states, [*states[1:], None], strict=True):
        reason = state.history_change_reason or ""
        if before is not None and before.status == state.status and reason == "seen again":
            continue
        yield {
            "when": state.history_date,
            "who": str(state.history_user or ""),
            "title": _happened(state, before),
            "sentence": "" if reason in _SAID_BY_THE_STEP else _as_sentence(reason),
            "badge": state.status,
        }


def _happened(state: Any, before: Any) -> str:
    if before is None:
        return "First observed"
    if before.status == state.status:
        return "Edited"
    return f"From {before.get_status_display().lower()} to {state.get_status_display().lower()}"


def _as_sentence(reason: str) -> str:
    return reason[:1].upper() + reason[1:]


# -- acts -------------------------------------------------------------------------------------


class CaseForm(FormPage):
    """An act on one case; the form is shown alone when it was refused."""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.case = self.find(FailureCase.objects.select_related("model"), kwargs["pk"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(case=self.case, **kwargs)

    def back(self) -> str:
        return address("failure-detail", self.project, pk=self.case.pk)


class FailureMove(CaseForm):
    form_class = MoveForm
    template_name = "catalog/failure_move.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        given = self.request.POST.get("to") or self.request.GET.get("to")
        if given not in FailureStatus.values:
            raise Http404
        target = FailureStatus(given)
        step = MOVES.get((FailureStatus(self.case.status), target))
        return {
            **super().get_form_kwargs(),
            "case": self.case,
            "to": target,
            "step": step or Move("", label=target.label),
        }

    def act(self, form: Any) -> str:
        given = dict(form.cleaned_data)
        case = failures.move(self.case, by=self.request.user, **given)
        messages.success(self.request, f"The case is now {case.get_status_display().lower()}.")
        return self.back()


class FailureAnnotate(CaseForm):
    form_class = AnnotateForm
    template_name = "catalog/failure_annotate.html"
    permission_required = "catalog.curate_failurecase"
    refusal = "Only curators annotate failure cases."

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "project": self.project, "instance": self.case}

    def act(self, form: Any) -> str:
        failures.annotate(self.case, by=self.request.user, **form.cleaned_data)
        messages.success(self.request, "Annotated. Another curator can verify it now.")
        return self.back()


class FailureCreate(FormPage):
    form_class = ReportForm
    template_name = "catalog/failure_form.html"
    permission_required = "catalog.report_failure"
    refusal = "Only curators report failures by hand."

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "project": self.project}

    def act(self, form: Any) -> str:
        given = form.cleaned_data
        told = {name: given[name] for name in ("reference", "observed_at", "expected", "output")}
        case = failures.report_failure(
            given["version"],
            title=given["title"],
            parts=fingerprints.parts(
                error=given["error"], place=given["place"], cause=given["cause"]
            ),
            observations=[failures.Observation(**told)],
            source=OccurrenceSource.PRODUCTION,
            severity=given["severity"],
            mode_key=given["mode"].key if given["mode"] else "",
            environment=given["environment"],
            by=self.request.user,
        )
        return address("failure-detail", self.project, pk=case.pk)


class OccurrenceReveal(CaseForm):
    """Asks for the reason, then shows the raw inputs in the answer to that POST alone."""

    form_class = RevealForm
    template_name = "catalog/occurrence_reveal.html"
    permission_required = "catalog.reveal_sensitivepayload"
    refusal = "Only curators and security reviewers may reveal raw inputs."

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        rows = self.case.occurrences.select_related("model_version", "payload")
        self.occurrence = get_object_or_404(rows, pk=kwargs["occurrence"], payload__isnull=False)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(occurrence=self.occurrence, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        reason = form.cleaned_data["reason"]
        content = failures.reveal(
            self.occurrence.payload,
            occurrence=self.occurrence,
            by=self.request.user,
            reason=reason,
        )
        shown = self.get_context_data(content=sorted(content.items()), reason=reason)
        return self.render_to_response(shown, headers={"Cache-Control": "no-store"})
