"""The peer: Evidently's drift preset, run by the Python of an environment that has Evidently."""

from __future__ import annotations

import os

import pandas as pd
from evidently import DataDefinition, Dataset, Report  # type: ignore[import-not-found]
from evidently import __version__ as version
from evidently.presets import DataDriftPreset  # type: ignore[import-not-found]

from benchmarks.bench.drift_data import categorical, numeric, report

os.environ["DO_NOT_TRACK"] = "1"


def compare(reference: pd.DataFrame, current: pd.DataFrame) -> object:
    definition = DataDefinition(
        numerical_columns=numeric(reference), categorical_columns=categorical(reference)
    )
    sides = [Dataset.from_pandas(t, data_definition=definition) for t in (reference, current)]
    return Report([DataDriftPreset()]).run(sides[1], sides[0]).dict()


if __name__ == "__main__":
    report(compare, version)
