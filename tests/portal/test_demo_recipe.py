"""The demo's data and model recipe against rows read by hand and published probabilities."""

import zlib

import numpy as np
import pandas as pd
import pytest
import skops.io

from portal.demo.recipe import (
    INPUT_COLUMNS,
    load_flights,
    save_skops,
    train_v1,
    train_v2,
    train_v3,
)

pytestmark = pytest.mark.pure

TRAIN = {"v1": train_v1, "v2": train_v2, "v3": train_v3}
# Probabilities of the reference models, 6 decimals, for rows of October, December and August.
PUBLISHED_ROWS = [53143, 97244, 99646, 28611, 301100, 293392]
PUBLISHED = {
    "v1": [0.118187, 0.084587, 0.809530, 0.031036, 0.048449, 0.062400],
    "v2": [0.096010, 0.032561, 0.622687, 0.064694, 0.036900, 0.053802],
    "v3": [0.107876, 0.055457, 0.602995, 0.053386, 0.048487, 0.037698],
}


@pytest.fixture(scope="module")
def flights():
    return load_flights()


def test_load_flights__whole_year__has_every_landed_flight_once(flights):
    assert len(flights) == 327_346
    assert flights.index.name == "row"
    assert flights.index.is_unique
    assert flights.index.is_monotonic_increasing
    assert flights["late"].sum() == 77_630
    assert flights[["late", "dow", "hour", "bucket"]].notna().all().all()


def test_load_flights__first_flight__carries_the_weather_of_its_hour_at_its_airport(flights):
    first = flights.loc[0]
    assert (first["carrier"], first["flight"], first["origin"]) == ("UA", 1545, "EWR")
    assert first["scheduled"] == pd.Timestamp("2013-01-01 05:00")
    assert first["dow"] == 1  # New Year's Day 2013 was a Tuesday
    weather = first[["temp", "wind_speed", "precip", "pressure", "visib", "humid"]]
    assert list(weather) == [39.02, 12.65858, 0.0, 1011.9, 10.0, 64.43]
    assert flights.loc[1, "temp"] == 39.92  # the next one left from LGA


def test_load_flights__weather_without_a_record__stays_missing(flights):
    assert flights["temp"].isna().sum() == 1_544
    assert flights["pressure"].isna().sum() == 36_142


def test_load_flights__late__is_more_than_fifteen_minutes(flights):
    assert set(flights.loc[flights["arr_delay"] == 15, "late"]) == {0}
    assert set(flights.loc[flights["arr_delay"] == 16, "late"]) == {1}


def test_load_flights__bucket__is_the_checksum_of_the_flight(flights):
    for _, flight in flights.sample(20, random_state=0).iterrows():
        key = f"{flight['date']}|{flight['carrier']}|{flight['flight']}|{flight['origin']}"
        assert flight["bucket"] == zlib.crc32(key.encode()) % 100


@pytest.mark.parametrize("version", TRAIN)
def test_recipe__trained_again__gives_the_published_probabilities(flights, version):
    pipeline = TRAIN[version](flights)
    rows = flights.loc[PUBLISHED_ROWS, INPUT_COLUMNS[version]]
    assert pipeline.predict_proba(rows)[:, 1] == pytest.approx(PUBLISHED[version], abs=2e-6)


def test_recipe__one_month__survives_its_archive_bit_for_bit(flights):
    january = flights[flights["month"] == 1]
    pipeline = train_v1(january)
    again = skops.io.loads(save_skops(pipeline), trusted=["numpy.dtype"])
    rows = january[INPUT_COLUMNS["v1"]].head(500)
    assert np.array_equal(pipeline.predict_proba(rows), again.predict_proba(rows))
