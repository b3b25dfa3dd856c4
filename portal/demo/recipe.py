"""The demo's real flights and the recipe of its three models, to be trained again by anybody.

Question answered when a flight leaves the gate: will it arrive more than 15 minutes late?
"""

from pathlib import Path

import pandas as pd
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

DATA = Path(__file__).parent / "data"
FLIGHTS_FILE = "flights_2013_flown.csv.xz"
WEATHER_FILE = "weather_2013_hourly.csv.xz"
LATE_MINUTES = 15

_PLAIN = ["dep_delay", "distance", "hour", "dow"]
_WEATHER = ["temp", "wind_speed", "precip", "pressure", "visib", "humid"]
_PLACES = ["carrier", "origin", "dest"]
# The weather columns that led v2 astray and that v3 leaves out.
_DROPPED_BY_V3 = ("temp", "pressure")
_V3_NUMBERS = [*_PLAIN, *(name for name in _WEATHER if name not in _DROPPED_BY_V3)]

INPUT_COLUMNS: dict[str, list[str]] = {
    "v1": [*_PLAIN, "carrier", "origin"],
    "v2": [*_PLAIN, *_WEATHER, *_PLACES],
    "v3": [*_V3_NUMBERS, *_PLACES],
}


def load_flights(folder: Path = DATA) -> pd.DataFrame:
    """Every landed flight with the weather of its scheduled hour, indexed by `row`."""
    flights = pd.read_csv(folder / FLIGHTS_FILE)
    weather = pd.read_csv(folder / WEATHER_FILE)
    date = pd.to_datetime(flights["date"], format="%Y-%m-%d")
    flights = flights.assign(month=date.dt.month, day=date.dt.day)
    joined = flights.merge(
        weather, how="left", on=["origin", "month", "day", "hour"], validate="many_to_one"
    )
    joined["dow"] = date.dt.day_of_week
    joined["scheduled"] = date + pd.to_timedelta(joined["hour"], unit="h")
    joined["late"] = (joined["arr_delay"] > LATE_MINUTES).astype("int64")
    return joined.set_index("row").sort_index()


def train_v1(frame: pd.DataFrame) -> Pipeline:
    """Logistic regression without weather, from the months January to March."""
    numbers = Pipeline([("fill", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
    names = OneHotEncoder(min_frequency=50, handle_unknown="ignore")
    columns = ColumnTransformer(
        [("numbers", numbers, _PLAIN), ("names", names, ["carrier", "origin"])]
    )
    pipeline = Pipeline([("columns", columns), ("model", LogisticRegression(C=1, max_iter=1000))])
    return _fitted(pipeline, frame, "v1", last_month=3)


def train_v2(frame: pd.DataFrame) -> Pipeline:
    """Boosted trees with weather, from the months January to June."""
    model = HistGradientBoostingClassifier(
        learning_rate=0.1,
        max_iter=150,
        max_leaf_nodes=31,
        min_samples_leaf=20,
        early_stopping=False,
        random_state=0,
    )
    return _fitted(_boosted([*_PLAIN, *_WEATHER], model), frame, "v2", last_month=6)


def train_v3(frame: pd.DataFrame) -> Pipeline:
    """As v2 without temperature and pressure, and with smaller trees."""
    model = HistGradientBoostingClassifier(
        learning_rate=0.1,
        max_iter=100,
        max_leaf_nodes=15,
        min_samples_leaf=200,
        early_stopping=False,
        random_state=0,
    )
    return _fitted(_boosted(_V3_NUMBERS, model), frame, "v3", last_month=6)


def save_skops(pipeline: Pipeline) -> bytes:
    """The artefact as stored: a skops archive, never a pickle."""
    content: bytes = skops.io.dumps(pipeline)
    return content


def _boosted(numbers: list[str], model: HistGradientBoostingClassifier) -> Pipeline:
    places = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = ColumnTransformer([("numbers", "passthrough", numbers), ("places", places, _PLACES)])
    return Pipeline([("columns", columns), ("model", model)])


def _fitted(pipeline: Pipeline, frame: pd.DataFrame, version: str, *, last_month: int) -> Pipeline:
    months = frame[frame["month"] <= last_month]
    return pipeline.fit(months[INPUT_COLUMNS[version]], months["late"])
