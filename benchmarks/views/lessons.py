"""Debriefs and playbooks: reading one, writing one, changing one with its reason."""

from typing import Any

from django.http import HttpRequest

from benchmarks import lessons
from benchmarks.models import Debrief, Playbook, Program
from benchmarks.record_forms import DebriefForm, PlaybookForm
from catalog.pages import DetailPage, FormPage, address

PROGRAMS = Program.objects.select_related("project", "model")


class DebriefDetail(DetailPage):
    queryset = Debrief.objects.select_related(
        "program", "run__suite", "run__model_version", "playbook", "created_by"
    )
    template_name = "benchmarks/debrief_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(may_write=self.may(lessons.PERMISSION), **kwargs)


class PlaybookDetail(DetailPage):
    queryset = Playbook.objects.select_related("program", "owner").prefetch_related("debriefs")
    template_name = "benchmarks/playbook_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(may_write=self.may(lessons.PERMISSION), **kwargs)


class _RecordForm(FormPage):
    """Writes or changes one record of a program; `name` is that of its page."""

    template_name = "benchmarks/lesson_form.html"
    permission_required = lessons.PERMISSION
    refusal = lessons.REFUSAL
    name = ""
    heading = ""
    program: Program
    record: Any = None

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "program": self.program, "record": self.record}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        back = self.page(self.record) if self.record else self.program_page()
        return super().get_context_data(
            program=self.program, heading=self.heading, back=back, record=self.record, **kwargs
        )

    def program_page(self) -> str:
        return address("program-detail", self.project, pk=self.program.pk) + "#lessons"

    def page(self, record: Any) -> str:
        return address(self.name, self.project, pk=record.pk)


class _Create(_RecordForm):
    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.program = self.find(PROGRAMS, self.kwargs["pk"])

    def get_initial(self) -> dict[str, Any]:
        return {"owner": self.request.user.pk}


class _Edit(_RecordForm):
    rows: Any = None
    fields: tuple[str, ...] = ()

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.record = self.find(self.rows, self.kwargs["pk"])
        self.program = self.record.program

    def get_initial(self) -> dict[str, Any]:
        return {name: getattr(self.record, name) for name in self.fields}

    def act(self, form: Any) -> str:
        return self.page(lessons.change(self.record, by=self.request.user, **form.cleaned_data))


class DebriefCreate(_Create):
    form_class = DebriefForm
    name = "debrief-detail"
    heading = "Write a debrief"

    def act(self, form: Any) -> str:
        return self.page(
            lessons.write_debrief(self.program, by=self.request.user, **form.cleaned_data)
        )


class DebriefEdit(_Edit):
    form_class = DebriefForm
    name = "debrief-detail"
    heading = "Edit the debrief"
    rows = Debrief.objects.select_related("program__project", "run", "playbook")
    fields = ("title", "held_on", "attendees", "run", "seen", "decided", "learned", "playbook")


class PlaybookCreate(_Create):
    form_class = PlaybookForm
    name = "playbook-detail"
    heading = "Write a playbook"

    def act(self, form: Any) -> str:
        return self.page(
            lessons.write_playbook(self.program, by=self.request.user, **form.cleaned_data)
        )


class PlaybookEdit(_Edit):
    form_class = PlaybookForm
    name = "playbook-detail"
    heading = "Edit the playbook"
    rows = Playbook.objects.select_related("program__project", "owner")
    fields = ("title", "sign", "steps", "owner")
