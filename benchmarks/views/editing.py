"""The editors of scenarios and suites; a scenario shows on real rows what its steps do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.generic import TemplateView

from benchmarks import actions
from benchmarks.engine.perturbations import PERTURBATIONS
from benchmarks.models import Scenario, Suite
from benchmarks.models.scenario import watchable_columns
from benchmarks.net_forms import NetForm, net_form
from benchmarks.panels.previews import Preview, preview
from benchmarks.scenario_forms import DatasetForm, ScenarioForm, SuiteForm, criterion_forms
from benchmarks.step_forms import KINDS, StepForm, carried_steps, step_forms
from benchmarks.stress_form import StressForm, carried_stress, initial_of
from catalog.models import Dataset, DatasetVersion
from catalog.pages import FormPage, ProjectPage, add_errors, address

PERMISSION = "benchmarks.change_suite"
REFUSAL = "Only contributors edit suites and scenarios."
#: Of a scenario, what the form's fields of the same name change.
FIELDS = (
    "title", "description", "risk_area", "level", "dataset_version", "seed", "repeats",
    "must_pass",
)  # fmt: skip
#: Of a suite, likewise.
SUITE_FIELDS = (
    "title", "goal", "metrics", "unit_of_independence", "cluster_columns", "protected_column",
    "error_budget", "longest_seconds", "most_requests", "most_tokens", "highest_cost",
    "cost_unit", "usage_reported", "requests_price", "tokens_price",
)  # fmt: skip


@dataclass
class Editor:
    """The parts of one editor: its form, its steps, its safety net, its criteria."""

    form: ScenarioForm
    steps: list[StepForm]
    stress: StressForm
    net: NetForm
    criteria: Any

    def is_valid(self) -> bool:
        # All are asked, so that each says what is wrong with it.
        answers = [part.is_valid() for part in self.parts()]
        return all(answers)

    def parts(self) -> tuple[Any, ...]:
        return (self.form, *self.steps, self.stress, self.net, self.criteria)

    def rules(self) -> list[dict[str, Any]]:
        return [rule for rule in self.criteria.cleaned_data if rule.get("metric")]


class _ScenarioEditor(ProjectPage, TemplateView):
    template_name = "benchmarks/scenario_form.html"
    permission_required = PERMISSION
    refusal = REFUSAL
    scenario: Scenario | None = None
    dataset: Dataset

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        editor = self.editor(None)
        stored = self.scenario.perturbation if self.scenario else []
        version = self.scenario.dataset_version if self.scenario else None
        return self.shown(editor, self.preview_of(version, stored, self.seed()))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        data, asked = request.POST, request.POST.get("do", "save")
        if asked == "add" or asked.startswith("remove-"):
            return self.shown(self.carried(data, asked), None)
        editor = self.editor(data)
        valid = editor.is_valid()
        if asked == "preview":
            return self.shown(editor, self.asked_preview(editor))
        return self.saved(editor) if valid else self.shown(editor, None)

    def put(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.post(request, *args, **kwargs)  # as Django's own form pages do

    def saved(self, editor: Editor) -> HttpResponse:
        try:
            scenario = self.save(editor, [form.step for form in editor.steps])
        except ValidationError as error:
            add_errors(editor.form, error)
            return self.shown(editor, None)
        messages.success(self.request, "Saved. Runs that start from now on are asked this.")
        return redirect(address("scenario-detail", self.project, pk=scenario.pk))

    def save(self, editor: Editor, steps: list[dict[str, Any]]) -> Scenario:
        raise NotImplementedError

    # -- parts --------------------------------------------------------------------------------

    def columns(self) -> Mapping[str, str]:
        return self.dataset.column_kinds()

    def seed(self) -> int:
        return self.scenario.seed if self.scenario else 0

    def editor(self, data: Any) -> Editor:
        stored = self.scenario.perturbation if self.scenario else []
        return Editor(
            self.form(data, self.initial()),
            step_forms(data, stored, self.columns()),
            StressForm(data, initial=self.stored_stress(), columns=self.columns()),
            self.net_form(data),
            criterion_forms(data, dataset=self.dataset, scenario=self.scenario),
        )

    def stored_stress(self) -> dict[str, Any]:
        return initial_of(self.scenario.stress) if self.scenario else {}

    def form(self, data: Any, initial: Mapping[str, Any] | None) -> ScenarioForm:
        return ScenarioForm(data, initial=initial, dataset=self.dataset, scenario=self.scenario)

    def net_form(self, data: Any, *, blame: bool = True) -> NetForm:
        row = self.scenario
        columns = watchable_columns(self.dataset, row.dataset_version if row else None)
        return net_form(data, row.safety_net if row else {}, columns, blame=blame)

    def initial(self) -> dict[str, Any]:
        row = self.scenario
        if row is None:
            return {"seed": 0}
        links = {"slices": row.slices.all(), "assumptions": row.assumptions.all()}
        return {**{name: getattr(row, name) for name in FIELDS}, **links}

    def carried(self, data: Any, asked: str) -> Editor:
        """What was typed, unread and unblamed, with one step more or less."""
        removed = asked.removeprefix("remove-")
        steps = carried_steps(
            data,
            self.columns(),
            without=int(removed) if removed.isdigit() and len(removed) < 4 else None,
            plus=data.get("new_kind", "") if asked == "add" else "",
        )
        blank = self.form(None, None)
        typed = {
            name: data.getlist(name) if name in {"slices", "assumptions"} else data.get(name)
            for name in blank.fields
        }
        criteria = criterion_forms(data, dataset=self.dataset, scenario=self.scenario)
        stress = carried_stress(data, self.columns())
        net = self.net_form(data, blame=False)
        return Editor(self.form(None, typed), steps, stress, net, criteria)

    # -- preview ------------------------------------------------------------------------------

    def asked_preview(self, editor: Editor) -> Preview | None:
        if not all(form.is_valid() for form in editor.steps):
            return None
        version = editor.form.cleaned_data.get("dataset_version")
        seed = editor.form.cleaned_data.get("seed") or 0
        return self.preview_of(version, [form.step for form in editor.steps], seed)

    def preview_of(
        self, version: DatasetVersion | None, steps: list[dict[str, Any]], seed: int
    ) -> Preview | None:
        """On the chosen data, else on the dataset's newest; nothing without steps or data."""
        data = version or self.dataset.versions.first()
        if data is None or not steps:
            return None
        return preview(data, steps, seed=seed)

    def shown(self, editor: Editor, found: Preview | None) -> HttpResponse:
        context = self.get_context_data(
            editor=editor,
            kinds=KINDS,
            kind_words=[(each.label, each.sentence) for each in PERTURBATIONS.values()],
            preview=found,
            scenario=self.scenario,
            dataset=self.dataset,
        )
        return self.render_to_response(context)


class ScenarioCreate(_ScenarioEditor):
    """Asks for the dataset first: its columns decide what can be changed."""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        asked = request.GET.get("dataset", "")
        self.is_chosen = asked.isdigit() and len(asked) <= 18
        if self.is_chosen:
            self.dataset = self.find(Dataset.objects, int(asked))

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().get(request) if self.is_chosen else self.choice()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().post(request) if self.is_chosen else self.choice()

    def choice(self) -> HttpResponse:
        self.template_name = "benchmarks/scenario_dataset.html"
        form = DatasetForm(project=self.project)
        return self.render_to_response(self.get_context_data(form=form))

    def save(self, editor: Editor, steps: list[dict[str, Any]]) -> Scenario:
        return actions.write_scenario(
            self.project,
            dataset=self.dataset,
            perturbation=steps,
            stress=editor.stress.stress,
            safety_net=editor.net.net,
            criteria=editor.rules(),
            by=self.request.user,
            **editor.form.cleaned_data,
        )


class ScenarioEdit(_ScenarioEditor):
    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        rows = Scenario.objects.select_related("dataset", "dataset_version")
        self.scenario = self.find(rows, self.kwargs["pk"])
        self.dataset = self.scenario.dataset

    def save(self, editor: Editor, steps: list[dict[str, Any]]) -> Scenario:
        scenario: Any = self.scenario
        return actions.change_scenario(
            scenario,
            perturbation=steps,
            stress=editor.stress.stress,
            safety_net=editor.net.net,
            criteria=editor.rules(),
            by=self.request.user,
            **editor.form.cleaned_data,
        )


# -- suites -----------------------------------------------------------------------------------


class _SuiteForm(FormPage):
    form_class = SuiteForm
    template_name = "benchmarks/suite_form.html"
    permission_required = PERMISSION
    refusal = REFUSAL
    suite: Suite | None = None

    def get_form_kwargs(self) -> dict[str, Any]:
        kwargs = super().get_form_kwargs()
        return {**kwargs, "project": self.project, "suite": self.suite}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(suite=self.suite, **kwargs)


class SuiteCreate(_SuiteForm):
    def get_initial(self) -> dict[str, Any]:
        return {"model": self.request.GET.get("model"), "unit_of_independence": "one row"}

    def act(self, form: Any) -> str:
        fields = dict(form.cleaned_data)
        suite = actions.compose_suite(
            self.project,
            scenarios=list(fields.pop("scenarios")),
            owner=self.request.user,
            by=self.request.user,
            **fields,
        )
        messages.success(self.request, f"Composed {suite}.")
        return address("suite-detail", self.project, pk=suite.pk)


class SuiteEdit(_SuiteForm):
    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.suite = self.find(Suite.objects, self.kwargs["pk"])

    def get_initial(self) -> dict[str, Any]:
        row: Any = self.suite
        initial = {name: getattr(row, name) for name in SUITE_FIELDS}
        declared = {name: value for name, value in initial.items() if value is not None}
        return {**declared, "scenarios": row.scenarios.all()}

    def act(self, form: Any) -> str:
        suite: Any = self.suite
        fields = dict(form.cleaned_data)
        chosen = {row.pk: row for row in fields.pop("scenarios")}
        standing = suite.places.values_list("scenario_id", flat=True)
        # Those that stay keep their place; what is new follows.
        ordered = [chosen.pop(pk) for pk in standing if pk in chosen] + list(chosen.values())
        actions.change_suite(suite, scenarios=ordered, by=self.request.user, **fields)
        messages.success(self.request, "Saved. Runs that start from now on face it as it is.")
        return address("suite-detail", self.project, pk=suite.pk)
