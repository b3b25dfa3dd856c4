"""Challenge programs: the list, one program's health and holes, its editing, its summary."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from benchmarks import programs
from benchmarks.choices import ProgramStatus
from benchmarks.engine.metrics import METRICS
from benchmarks.forms import valid
from benchmarks.models import Program, Remediation
from benchmarks.panels import programs as panel
from benchmarks.panels import summaries
from benchmarks.panels.levels import level_map
from benchmarks.program_forms import ProgramFilters, ProgramForm, StatusForm
from catalog.actions import require
from catalog.models import Project
from catalog.pages import DetailPage, FormPage, ListPage, act, address
from catalog.transactions import write_block

RECENT_CYCLES = 12
PROGRAMS = Program.objects.select_related("model__production_version", "owner", "project")
#: What a program may become, in words for a button.
STEPS: dict[str, tuple[tuple[ProgramStatus, str, str], ...]] = {
    ProgramStatus.ACTIVE: (
        (ProgramStatus.PAUSED, "Pause", "quiet"),
        (ProgramStatus.RETIRED, "Retire", "danger"),
    ),
    ProgramStatus.PAUSED: (
        (ProgramStatus.ACTIVE, "Resume", "primary"),
        (ProgramStatus.RETIRED, "Retire", "danger"),
    ),
    ProgramStatus.RETIRED: (),
}


class ProgramList(ListPage):
    queryset = panel.with_health(Program.objects.all())
    template_name = "benchmarks/program_list.html"
    filter_class = ProgramFilters
    search_fields = ("key", "title", "goal", "model__title")
    sort_fields = {
        "title": "title",
        "model": ("model__title", "title"),
        "due": ("next_due", "title"),
        "latest": "latest_at",
    }
    sort_default = "title"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(may_write=self.may(programs.PERMISSION), **kwargs)


class ProgramDetail(DetailPage):
    queryset = PROGRAMS
    template_name = "benchmarks/program_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        program = self.object
        runs = panel.judged_runs(program)
        scores = panel.scores(runs)
        coverage = panel.coverage(program, runs, self.project)
        items = panel.live_items(Remediation.objects.filter(program=program))
        may_write = self.may(programs.PERMISSION)
        return super().get_context_data(
            suites=list(program.suites.order_by("title")),
            cycles=list(program.cycles.all()[:RECENT_CYCLES]),
            runs=runs,
            scores=panel.by_suite(scores),
            areas=panel.area_map(program, runs, self.project),
            coverage=coverage,
            level_map=level_map(self.object),
            slice_changes=panel.slice_changes(coverage, runs, self.project),
            items=[(item, panel.is_late(item)) for item in items],
            debriefs=list(program.debriefs.all()[:RECENT_CYCLES]),
            playbooks=list(program.playbooks.all()),
            rubric=[{**line, "label": METRICS[line["metric"]].label} for line in program.rubric],
            may_write=may_write,
            steps=[
                {"label": label, "tone": tone, "hidden": {"status": status.value}}
                for status, label, tone in (STEPS[program.status] if may_write else ())
            ],
            **kwargs,
        )


class ProgramSummary(DetailPage):
    """One page for people who decide and do not measure; made to be printed."""

    queryset = PROGRAMS
    template_name = "benchmarks/program_summary.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        runs = panel.judged_runs(self.object)
        return super().get_context_data(
            summary=summaries.executive(self.object, runs), printed_at=timezone.now(), **kwargs
        )


class _ProgramForm(FormPage):
    form_class = ProgramForm
    template_name = "benchmarks/program_form.html"
    permission_required = programs.PERMISSION
    refusal = programs.REFUSAL
    program: Program | None = None

    def get_form_kwargs(self) -> dict[str, Any]:
        kwargs = super().get_form_kwargs()
        return {**kwargs, "project": self.project, "program": self.program}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(program=self.program, **kwargs)


class ProgramCreate(_ProgramForm):
    def get_initial(self) -> dict[str, Any]:
        return {
            "owner": self.request.user.pk,
            "model": self.request.GET.get("model"),
            "cadence_every": 1,
            "grace_days": 0,
        }

    def act(self, form: Any) -> str:
        fields = dict(form.cleaned_data)
        suites = fields.pop("suites")
        with write_block():
            program = programs.open_program(self.project, by=self.request.user, **fields)
            programs.assign_suites(program, suites, by=self.request.user)
        messages.success(self.request, f"Opened {program}.")
        return address("program-detail", self.project, pk=program.pk)


class ProgramEdit(_ProgramForm):
    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.program = self.find(PROGRAMS, self.kwargs["pk"])

    def get_initial(self) -> dict[str, Any]:
        row: Any = self.program
        initial = {name: getattr(row, name) for name in programs.EDITABLE}
        return {**initial, "owner": row.owner_id, "suites": row.suites.all()}

    def act(self, form: Any) -> str:
        program: Any = self.program
        fields = dict(form.cleaned_data)
        suites = fields.pop("suites")
        with write_block():
            programs.change_program(program, by=self.request.user, **fields)
            programs.assign_suites(program, suites, by=self.request.user)
        messages.success(self.request, "Saved. Runs that start from now on are judged by it.")
        return address("program-detail", self.project, pk=program.pk)


@act(back="program-detail")
def program_status(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    rows = Program.objects.visible_to(request.user).in_project(project)
    program = get_object_or_404(rows.select_related("project"), pk=pk)
    require(request.user, programs.PERMISSION, program, programs.REFUSAL)
    chosen = valid(StatusForm(request.POST))
    if chosen["status"] not in ProgramStatus.values:
        raise ValidationError("There is no such status.")
    program = programs.set_status(
        program, chosen["status"], by=request.user, reason=chosen["reason"]
    )
    messages.success(request, f"{program} is {program.get_status_display().lower()} now.")
    return redirect(address("program-detail", project, pk=pk))
