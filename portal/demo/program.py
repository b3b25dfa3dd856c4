"""The demo's suites: reference quarter, July challenge program and production watch."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import actions
from benchmarks.choices import TestLevel
from benchmarks.models import MetricSpec, Scenario, Suite
from catalog.models import Assumption, Dataset, DatasetVersion, RegisteredModel, Slice
from portal.demo.nets import NET_MARGINS, WEATHER, watched_scenarios
from portal.demo.people import Cast

#: margin (allowed worsening), severe margin.
MARGINS = {
    "accuracy": (0.005, 0.02),
    "roc_auc": (0.005, 0.02),
    "recall": (0.02, 0.08),
    "precision": (0.02, 0.08),
    "false_alarm_rate": (0.005, 0.02),
    "brier": (0.002, 0.01),
}
#: What the July challenge measures besides: treatment of carriers, and steadiness of alerts.
FAIRNESS_MARGINS = {
    "demographic_parity_gap": (0.02, 0.1),
    "equal_opportunity_gap": (0.05, 0.2),
    "calibration_gap": (0.02, 0.1),
    "flip_rate": (0.02, 0.1),
}
#: Nothing about a flight is protected by law; the carrier stands for a group that is to be
#: treated alike, as people's groups are elsewhere.
PROTECTED = "carrier"
#: Flights of one airport and hour share one weather report and one queue on the taxiway.
CLUSTERS = ["origin", "scheduled"]
UNIT = "one airport and hour"
REGIONAL = {"EV": 4.0, "9E": 4.0, "MQ": 4.0, "OO": 4.0, "YV": 4.0}

Step = Mapping[str, Any]


def _step(kind: str, **parameters: Any) -> Step:
    return {"kind": kind, "parameters": parameters}


#: key, title, risk area, assumption, perturbation, what the scenario stands for.
SCENARIOS: tuple[tuple[str, str, str, str, Sequence[Step], str], ...] = (
    ("july-as-is", "July as it was", "ordinary use", "", (), "The month, untouched."),
    (
        "weather-missing",
        "Weather missing",
        "missing upstream",
        "weather",
        (_step("missing", columns=WEATHER),),
        "The weather service is down for the whole month.",
    ),
    (
        "weather-stale",
        "Weather 24 hours old",
        "missing upstream",
        "weather",
        (_step("stale", columns=WEATHER, by=["origin"], time="scheduled", hours=24),),
        "The weather feed hangs and serves yesterday's values.",
    ),
    (
        "delay-noise",
        "Departure delay blurred by 10 minutes",
        "corrupt input",
        "delay",
        (_step("noise", column="dep_delay", sd=10),),
        "The gate system rounds and guesses.",
    ),
    (
        "delay-missing",
        "Departure delay missing for a third",
        "missing upstream",
        "delay",
        (_step("missing", columns=["dep_delay"], share=0.33),),
        "One airport's gate system does not report.",
    ),
    (
        "delay-stuck",
        "Departure delay stuck at 0",
        "corrupt input",
        "delay",
        (_step("stuck", column="dep_delay", value=0),),
        "A default value hides that nothing arrives.",
    ),
    (
        "delay-rounded",
        "Departure delay in quarter hours",
        "corrupt input",
        "delay",
        (_step("rounding", column="dep_delay", step=15),),
        "The delay arrives from a timetable system that knows only quarters.",
    ),
    (
        "pressure-high",
        "Pressure set to 1,035 hPa",
        "shifted input",
        "weather",
        (_step("stuck", column="pressure", value=1035.0),),
        "An autumn high that stays, higher than almost every hour of the training months.",
    ),
    (
        "pressure-inches",
        "Pressure in inches of mercury",
        "corrupt input",
        "weather",
        (_step("scale", column="pressure", factor=0.02953),),
        "The weather service changes its unit.",
    ),
    (
        "temperature-celsius",
        "Temperature in Celsius",
        "corrupt input",
        "weather",
        (_step("scale", column="temp", factor=5 / 9, offset=-160 / 9),),
        "The weather service changes its unit.",
    ),
    (
        "fog",
        "Fog everywhere",
        "shifted input",
        "weather",
        (_step("stuck", column="visib", value=0.25),),
        "Visibility of a quarter mile in every hour.",
    ),
    (
        "hour-shifted",
        "Scheduled hour off by one",
        "corrupt input",
        "delay",
        (_step("shift", column="hour", amount=1, modulo=24),),
        "Daylight saving time is applied twice.",
    ),
    (
        "carrier-unknown",
        "A fifth of the carriers unknown",
        "shifted input",
        "mix",
        (_step("unseen_level", column="carrier", level="ZZ", share=0.2),),
        "A merger brings a new code.",
    ),
    (
        "origins-swapped",
        "Kennedy and LaGuardia swapped",
        "corrupt input",
        "mix",
        (_step("swap_categories", column="origin", mapping={"JFK": "LGA", "LGA": "JFK"}),),
        "A mapping table is read the wrong way round.",
    ),
    (
        "regional-heavy",
        "Regional carriers four times as many",
        "imbalance",
        "mix",
        (_step("resample", column="carrier", weights=REGIONAL),),
        "Regional traffic grows.",
    ),
    (
        "wind-direction",
        "Wind direction turned round",
        "corrupt input",
        "weather",
        (_step("shift", column="wind_dir", amount=180, modulo=360),),
        "A sensor is mounted backwards.",
    ),
)
#: What does not stand here tests the model itself; nothing goes as far as the desk yet.
LEVELS = {
    **dict.fromkeys(
        (
            "weather-missing",
            "weather-stale",
            "delay-noise",
            "delay-missing",
            "delay-stuck",
            "delay-rounded",
            "pressure-inches",
            "temperature-celsius",
            "wind-direction",
        ),
        TestLevel.DATA_PIPELINE,
    ),
    **dict.fromkeys(("hour-shifted", "carrier-unknown", "origins-swapped"), TestLevel.FEATURE),
}
_WHY_ACCURACY = "Each wrong alert or missed delay costs the arrival desk a replanning."
_WHY_ALARMS = "False alarms hold ground staff that other flights need."
_WHY_ORIGIN = "No airport may pay for a gain elsewhere."
_WHY_CARRIERS = (
    "Travellers of small carriers must hear of a delay as surely as those of large ones."
)
_WHY_FLOOR = "Below this the desk plans better by the departure delay alone."


def define_metrics(cast: Cast) -> dict[str, MetricSpec]:
    known = {row.key: row for row in MetricSpec.objects.filter(project=cast.project)}
    return {
        key: known.get(key)
        or actions.define_metric(
            cast.project, key, margin=margin, severe_margin=severe, by=cast["owner"]
        )
        for key, (margin, severe) in (MARGINS | FAIRNESS_MARGINS | NET_MARGINS).items()
    }


def compose_suites(
    cast: Cast,
    model: RegisteredModel,
    dataset: Dataset,
    data: Mapping[str, DatasetVersion],
    slices: Sequence[Slice],
    assumptions: Mapping[str, Assumption],
) -> dict[str, Suite]:
    """The three suites about answers by key; found where a former run left them."""
    known = {row.key: row for row in Suite.objects.filter(project=cast.project)}
    if len(known) >= 3:
        return known
    metrics = define_metrics(cast)
    shared = {
        "model": model,
        "owner": cast["owner"],
        "metrics": list(MARGINS),
        "by": cast["owner"],
    }
    independence = {"cluster_columns": CLUSTERS, "unit_of_independence": UNIT}
    reference = _reference(cast, dataset, data, slices, metrics)
    july = _july(cast, dataset, data, slices, assumptions, metrics)
    watch = _watch(cast, dataset, slices, metrics)
    suites = (
        actions.compose_suite(
            cast.project,
            key="reference-quarter",
            title="Reference quarter",
            goal="How the production model does from April to June, as the agreed normal.",
            scenarios=[reference],
            **shared,
            **independence,
        ),
        actions.compose_suite(
            cast.project,
            key="july-challenge",
            title="July challenge program",
            goal="Find out, before travellers do, what breaks the alert: weather, gate data, mix.",
            scenarios=july,
            protected_column=PROTECTED,
            **{**shared, "metrics": [*MARGINS, *FAIRNESS_MARGINS]},
            **independence,
        ),
        actions.compose_suite(
            cast.project,
            key="production-watch",
            title="Production watch",
            goal="Candidate and fallback on the same exposed flights, look by look.",
            kind="watch",
            planned_n=6000,
            scenarios=[watch],
            **shared,
            **independence,
        ),
    )
    return {suite.key: suite for suite in suites}


def _reference(cast, dataset, data, slices, metrics) -> Scenario:
    return actions.write_scenario(
        cast.project,
        key="quarter-as-is",
        title="April to June as it was",
        dataset=dataset,
        dataset_version=data["2013-q2"],
        slices=slices,
        criteria=[{"metric": metrics["accuracy"], "value_threshold": 0.85, "why": _WHY_FLOOR}],
        risk_area="ordinary use",
        by=cast["owner"],
    )


def _july(cast, dataset, data, slices, assumptions, metrics) -> list[Scenario]:
    """What may go wrong in July, and how soon the safety nets would notice."""
    return [
        *(_challenge(cast, dataset, data, slices, assumptions, metrics, row) for row in SCENARIOS),
        *watched_scenarios(
            cast, dataset, data["2013-07"], slices, assumptions["weather"], metrics
        ),
    ]


def _challenge(cast, dataset, data, slices, assumptions, metrics, row) -> Scenario:
    key, title, risk_area, assumption, steps, description = row
    return actions.write_scenario(
        cast.project,
        key=key,
        title=title,
        description=description,
        risk_area=risk_area,
        level=LEVELS.get(key, TestLevel.MODEL),
        dataset=dataset,
        dataset_version=data["2013-07"],
        perturbation=steps,
        seed=len(key),
        slices=slices,
        assumptions=[assumptions[assumption]] if assumption else [],
        criteria=_criteria(metrics, slices, as_is=not steps),
        by=cast["owner"],
    )


def _criteria(
    metrics: Mapping[str, MetricSpec], slices: Sequence[Slice], *, as_is: bool
) -> list[dict]:
    """Under stress the candidate may not be worse than production under the same stress."""
    rules: list[dict] = [
        {"metric": metrics["accuracy"], "change_threshold": 0.005, "why": _WHY_ACCURACY},
        {"metric": metrics["false_alarm_rate"], "change_threshold": 0.01, "why": _WHY_ALARMS},
    ]
    if as_is:
        rules[0]["value_threshold"] = 0.86
        rules.append(
            {
                "metric": metrics["equal_opportunity_gap"],
                "change_threshold": 0.06,
                "why": _WHY_CARRIERS,
            }
        )
        rules.append({"metric": metrics["roc_auc"], "change_threshold": 0.0, "why": _WHY_ACCURACY})
        rules += [
            {
                "metric": metrics["accuracy"],
                "slice": s,
                "change_threshold": 0.01,
                "why": _WHY_ORIGIN,
            }
            for s in slices
            if s.critical
        ]
    return rules


def _watch(cast, dataset, slices, metrics) -> Scenario:
    return actions.write_scenario(
        cast.project,
        key="exposed-flights",
        title="Exposed flights",
        description="Flights that the candidate answered, with what the fallback would have said.",
        dataset=dataset,
        slices=slices,
        criteria=[
            {"metric": metrics["accuracy"], "change_threshold": 0.005, "why": _WHY_ACCURACY},
            {"metric": metrics["false_alarm_rate"], "change_threshold": 0.01, "why": _WHY_ALARMS},
        ],
        risk_area="ordinary use",
        by=cast["owner"],
    )
