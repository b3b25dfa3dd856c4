"""The demo's safety nets: July scenarios in which something watches the model."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import actions
from benchmarks.models import MetricSpec, Scenario
from catalog.models import Assumption, Dataset, DatasetVersion, Slice
from portal.demo.people import Cast

#: margin, severe margin; measured where a scenario has a net, whatever the suite lists.
NET_MARGINS = {"net_detection": (0.02, 0.1), "net_false_alarm": (0.02, 0.1)}
WEATHER = ["temp", "wind_speed", "precip", "pressure", "visib", "humid"]
_HIGH = {"column": "pressure", "op": "ge", "value": 1030}
_HIGH_AT_NEWARK = {
    "kind": "stuck",
    "parameters": {
        "column": "pressure",
        "value": 1035.0,
        "group_column": "origin",
        "group_value": "EWR",
    },
}
_SILENT = {"kind": "missing", "parameters": {"columns": WEATHER, "share": 0.33}}

#: key, title, risk area, perturbation, safety net, what the scenario stands for.
WATCHED: tuple[tuple[str, str, str, Mapping[str, Any], Mapping[str, Any], str], ...] = (
    (
        "pressure-guarded",
        "High pressure at Newark, held for a person",
        "shifted input",
        _HIGH_AT_NEWARK,
        {"kind": "guardrail", "condition": _HIGH},
        "Newark's barometer jumps to an autumn high, on which v2 errs. The desk asks a person "
        "about every flight with such a reading.",
    ),
    (
        "pressure-fallback",
        "High pressure at Newark, answered by a plain rule",
        "shifted input",
        _HIGH_AT_NEWARK,
        {
            "kind": "fallback",
            "condition": _HIGH,
            "answer": {"column": "dep_delay", "at_least": 20},
        },
        "As before, but the desk falls back on the rule it had before there was a model: a flight "
        "that leaves 20 minutes late arrives late.",
    ),
    (
        "weather-silent",
        "A third of the weather reports missing, with an alert",
        "missing upstream",
        _SILENT,
        {
            "kind": "alert",
            "condition": {"column": "temp", "op": "is_null"},
            "window": 500,
            "threshold": 0.2,
        },
        "Reports get lost on the way. The desk is told when too many of them are missing.",
    ),
)
_WHY_CAUGHT = "An answer that nobody can rely on has to reach a person before it reaches the gate."
_WHY_LEFT_ALONE = "A desk that is asked about every flight has no model."
_WHY_ACCURACY = "Each wrong alert or missed delay costs the arrival desk a replanning."


def watched_scenarios(
    cast: Cast,
    dataset: Dataset,
    july: DatasetVersion,
    slices: Sequence[Slice],
    weather: Assumption,
    metrics: Mapping[str, MetricSpec],
) -> list[Scenario]:
    return [
        actions.write_scenario(
            cast.project,
            key=key,
            title=title,
            description=description,
            risk_area=risk_area,
            dataset=dataset,
            dataset_version=july,
            perturbation=[step],
            seed=len(key),
            slices=slices,
            assumptions=[weather],
            safety_net=net,
            criteria=_criteria(net, metrics, {part.key: part for part in slices}),
            by=cast["owner"],
        )
        for key, title, risk_area, step, net, description in WATCHED
    ]


def _criteria(
    net: Mapping[str, Any], metrics: Mapping[str, MetricSpec], slices: Mapping[str, Slice]
) -> list[dict[str, Any]]:
    """The net has to catch where the reading is wrong and to leave the other airports alone."""
    if net["kind"] == "alert":
        return [{"metric": metrics["accuracy"], "change_threshold": 0.005, "why": _WHY_ACCURACY}]
    caught = {
        "metric": metrics["net_detection"],
        "slice": slices["origin-EWR"],
        "value_threshold": 0.95,
        "why": _WHY_CAUGHT,
    }
    left_alone = [
        {
            "metric": metrics["net_false_alarm"],
            "slice": slices[key],
            "value_threshold": 0.01,
            "why": _WHY_LEFT_ALONE,
        }
        for key in ("origin-JFK", "origin-LGA")
    ]
    return [caught, *left_alone]
