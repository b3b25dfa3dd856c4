"""A run's frozen plan as the pages read it: titles, words and addresses by key."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from benchmarks import plans
from benchmarks.engine import net_checks, perturbations
from benchmarks.engine.load import with_stress
from benchmarks.engine.metrics import METRICS
from benchmarks.engine.slices import ALL
from benchmarks.engine.values import Direction, Reason
from benchmarks.models import ChallengeRun
from catalog import conditions
from catalog.models import Project
from catalog.pages import address

ALL_ROWS = "All rows"


@dataclass(frozen=True)
class MetricWords:
    """How to write and to weigh one metric."""

    key: str
    label: str
    unit: str
    higher: bool
    margin: float | None

    @property
    def direction(self) -> str:
        return "higher is better" if self.higher else "lower is better"

    @property
    def decimals(self) -> int | None:
        """Shares and scores line up at three decimals; anything with a unit speaks for itself."""
        return None if self.unit else 3

    @property
    def sign(self) -> int:
        return 1 if self.higher else -1


@dataclass(frozen=True)
class SliceWords:
    key: str
    title: str
    condition: str
    critical: bool


@dataclass(frozen=True)
class ScenarioWords:
    key: str
    title: str
    description: str
    risk_area: str
    change: str
    dataset: str
    net: str


class PlanWords:
    """Everything is answered from the plan alone: later edits of the suite change no old page."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self.plan = plan

    @cached_property
    def metrics(self) -> dict[str, MetricWords]:
        return {metric["key"]: _metric(metric) for metric in self.plan["metrics"]}

    @cached_property
    def scenarios(self) -> dict[str, ScenarioWords]:
        return {scenario["key"]: _scenario(scenario) for scenario in self.plan["scenarios"]}

    @cached_property
    def slices(self) -> dict[str, SliceWords]:
        """The slices of all scenarios, all rows first."""
        found = {ALL: SliceWords(ALL, ALL_ROWS, "", False)}
        for scenario in self.plan["scenarios"]:
            for part in scenario["slices"]:
                words = conditions.describe(part["condition"])
                row = SliceWords(part["key"], part["title"], words, part["critical"])
                found.setdefault(row.key, row)
        return found

    def metric(self, key: str | None) -> MetricWords:
        """The metric asked for, else accuracy, else the first."""
        first = next(iter(self.metrics.values()))
        return self.metrics.get(key or "", self.metrics.get("accuracy", first))

    def named(self, key: str) -> MetricWords:
        """The metric of a stored cell; a criterion may ask for one that the suite leaves out."""
        if key in self.metrics:
            return self.metrics[key]
        known = METRICS[key]
        higher = known.direction is Direction.HIGHER_IS_BETTER
        return MetricWords(key, known.label, known.unit, higher, known.margin)

    def slice_title(self, key: str) -> str:
        return self.slices[key].title if key in self.slices else key

    def scenario_title(self, key: str) -> str:
        known = self.scenarios.get(key) or self.repeated.get(key)
        return known.title if known else key

    def key_of(self, key: str) -> str:
        """The scenario's own key, of which the plan's may be a repeat."""
        return self._keys.get(key, key)

    @cached_property
    def _keys(self) -> dict[str, str]:
        repeats = (one for one in self.plan["scenarios"] if "repeat_of" in one)
        return {one["key"]: one["repeat_of"]["key"] for one in repeats}

    @cached_property
    def repeated(self) -> dict[str, ScenarioWords]:
        """The scenarios that are asked more than once, by their own keys."""
        found: dict[str, ScenarioWords] = {}
        for scenario in self.plan["scenarios"]:
            if key := scenario.get("repeat_of", {}).get("key"):
                found.setdefault(
                    key, replace(_scenario(scenario), key=key, title=scenario["title"])
                )
        return found

    @cached_property
    def datasets(self) -> list[tuple[str, str]]:
        """Label and digest of the data that the run stands on, each once."""
        rows = [(one["dataset_label"], one["dataset_digest"]) for one in self.plan["scenarios"]]
        return list(dict.fromkeys(rows))


@dataclass(frozen=True)
class CellAddress:
    """Makes the addresses of a run's measurement pages without asking the router every time."""

    page: str

    @classmethod
    def of(cls, run: ChallengeRun, project: Project) -> "CellAddress":
        return cls(address("measurement-detail", project, pk=run.pk))

    def of_cell(self, scenario: str, metric: str, slice: str) -> str:
        query = urlencode({"scenario": scenario, "metric": metric, "slice": slice})
        return f"{self.page}?{query}"


def sentence_of(code: str) -> str:
    """What a stored reason code means, in the engine's own words."""
    return Reason(code).sentence if code in set(Reason) else word_of(code)


def word_of(code: str) -> str:
    """A reason code as a word for a table."""
    return code.replace("_", " ").capitalize()


def _metric(metric: Mapping[str, Any]) -> MetricWords:
    return MetricWords(
        key=metric["key"],
        label=metric["label"],
        unit=metric["unit"],
        higher=metric["direction"] == Direction.HIGHER_IS_BETTER,
        margin=metric["margin"],
    )


def _scenario(scenario: Mapping[str, Any]) -> ScenarioWords:
    return ScenarioWords(
        key=scenario["key"],
        title=_title(scenario),
        description=scenario["description"],
        risk_area=scenario["risk_area"],
        change=with_stress(
            perturbations.describe(scenario["perturbation"]), plans.stress_of(scenario)
        ),
        dataset=scenario["dataset_label"],
        net=net_checks.describe(scenario.get("safety_net", {})),
    )


def _title(scenario: Mapping[str, Any]) -> str:
    if not (repeat := scenario.get("repeat_of")):
        return str(scenario["title"])
    return f"{scenario['title']} ({repeat['number']} of {repeat['repeats']})"
