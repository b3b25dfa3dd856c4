"""What each kind of perturbation does to a frame: small seeded functions, no checking of requests.

Each answers the new columns by name.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from benchmarks.engine.perturbation_columns import (
    Parameters,
    PerturbationError,
    blanked,
    chosen_rows,
    column_of,
    equals,
    flattened,
    floats,
    kind_of,
    like,
    numbered_source,
    replaced,
    rewritten,
    rewritten_texts,
    spread,
    uncategorised,
    with_value,
    without_point,
)
from benchmarks.engine.perturbation_texts import (
    CASINGS,
    PUNCTUATIONS,
    with_typos,
    wrongly_decoded,
)

ValueChange = Callable[[pd.DataFrame, Parameters, np.random.Generator], dict[str, pd.Series]]

NOISE_UNITS = ("absolute", "column sd")
UNREADABLE, DECIMAL_COMMA, WRONG_ENCODING = "unreadable", "decimal comma", "wrong encoding"
CORRUPTIONS = (UNREADABLE, DECIMAL_COMMA, WRONG_ENCODING)


def missing(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> dict[str, pd.Series]:
    rows = chosen_rows(frame, p, rng)
    return {name: blanked(column_of(frame, name), rows) for name in p["columns"]}


def noise(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> dict[str, pd.Series]:
    rows = chosen_rows(frame, p, rng)
    column = column_of(frame, p["column"])
    values = floats(column)
    sd = p["sd"] * (1.0 if p["unit"] == NOISE_UNITS[0] else spread(values))
    noisy = values[rows] + rng.normal(0.0, sd, len(rows))
    low = -np.inf if p["minimum"] is None else p["minimum"]
    high = np.inf if p["maximum"] is None else p["maximum"]
    return {p["column"]: replaced(column, rows, np.clip(noisy, low, high))}


def scale(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> dict[str, pd.Series]:
    rows = chosen_rows(frame, p, rng)
    column = column_of(frame, p["column"])
    return {p["column"]: replaced(column, rows, floats(column)[rows] * p["factor"] + p["offset"])}


def stuck(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> dict[str, pd.Series]:
    return {
        p["column"]: with_value(
            column_of(frame, p["column"]), chosen_rows(frame, p, rng), p["value"]
        )
    }


def rounding(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> dict[str, pd.Series]:
    column = column_of(frame, p["column"])
    return {p["column"]: rewritten(column, np.round(floats(column) / p["step"]) * p["step"])}


def outliers(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> dict[str, pd.Series]:
    rows = chosen_rows(frame, p, rng)
    column = column_of(frame, p["column"])
    values = floats(column)
    jumps = rng.choice([-1.0, 1.0], len(rows)) * p["size"] * spread(values)
    return {p["column"]: replaced(column, rows, values[rows] + jumps)}


def stale(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> dict[str, pd.Series]:
    """The last value that the same source had delivered `hours` before each row's time."""
    source = numbered_source(frame, p["by"])
    moment = column_of(frame, p["time"]).reset_index(drop=True)
    asked = pd.DataFrame({"source": source, "moment": moment - pd.Timedelta(hours=p["hours"])})
    told = pd.DataFrame({"source": source, "moment": moment})
    for number, name in enumerate(p["columns"]):
        told[f"value {number}"] = column_of(frame, name).reset_index(drop=True)
    tolerance = p["tolerance_hours"]
    found = pd.merge_asof(
        asked.dropna(subset="moment").sort_values("moment", kind="stable").reset_index(),
        told.dropna(subset="moment").sort_values("moment", kind="stable"),
        on="moment",
        by="source",
        tolerance=None if tolerance is None else pd.Timedelta(hours=tolerance),
    ).set_index("index")
    found = found.reindex(range(len(frame)))
    return {
        name: like(column_of(frame, name), found[f"value {number}"])
        for number, name in enumerate(p["columns"])
    }


def swap_categories(
    frame: pd.DataFrame, p: Parameters, rng: np.random.Generator
) -> dict[str, pd.Series]:
    column = uncategorised(column_of(frame, p["column"]))
    changed = column
    for old, new in p["mapping"].items():
        changed = with_value(changed, np.flatnonzero(equals(column, old)), new)
    return {p["column"]: changed}


def unseen_level(
    frame: pd.DataFrame, p: Parameters, rng: np.random.Generator
) -> dict[str, pd.Series]:
    return {
        p["column"]: with_value(
            column_of(frame, p["column"]), chosen_rows(frame, p, rng), p["level"]
        )
    }


def permute(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> dict[str, pd.Series]:
    shuffled = column_of(frame, p["column"]).iloc[rng.permutation(len(frame))]
    return {p["column"]: shuffled.set_axis(frame.index)}


def shift(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> dict[str, pd.Series]:
    column = column_of(frame, p["column"])
    moved = floats(column) + p["amount"]
    return {p["column"]: rewritten(column, moved % p["modulo"] if p["modulo"] else moved)}


def ablate(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> dict[str, pd.Series]:
    """Every value becomes the column's typical one, so that it tells nothing any more."""
    return {name: flattened(column_of(frame, name)) for name in p["columns"]}


def shock(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> dict[str, pd.Series]:
    """One draw for each row or group moves several columns at once, some of them against it."""
    source = numbered_source(frame, p["by"]) if p["by"] else np.arange(len(frame))
    draws = rng.normal(0.0, p["size"], int(source.max(initial=-1)) + 1)[source]
    signs = dict.fromkeys(p["columns"], 1.0) | dict.fromkeys(p["against"], -1.0)
    changed = {}
    for name, sign in signs.items():
        values = floats(column_of(frame, name))
        changed[name] = rewritten(column_of(frame, name), values + sign * draws * spread(values))
    return changed


def replay(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> dict[str, pd.Series]:
    """Whole rows of the columns come from a window of time: what belongs together stays so."""
    moment = column_of(frame, p["time"])
    first, last = pd.Timestamp(p["first"]), pd.Timestamp(p["last"])
    window = np.flatnonzero(((moment >= first) & (moment < last)).to_numpy())
    if not len(window):
        raise PerturbationError(f"No row lies between {p['first']} and {p['last']}.")
    drawn = rng.choice(window, len(frame))
    return {
        name: column_of(frame, name).iloc[drawn].set_axis(frame.index) for name in p["columns"]
    }


def corrupt_type(
    frame: pd.DataFrame, p: Parameters, rng: np.random.Generator
) -> dict[str, pd.Series]:
    """What a tolerant reader makes of values that arrive in the wrong type."""
    column, rows = column_of(frame, p["column"]), chosen_rows(frame, p, rng)
    kind, how = kind_of(column), p["how"]
    if how == UNREADABLE:
        return {p["column"]: blanked(column, rows)}
    if how == DECIMAL_COMMA and kind == "number":
        read = [without_point(value) for value in floats(column)[rows]]
        return {p["column"]: replaced(column, rows, np.array(read, dtype=float))}
    if how == WRONG_ENCODING and kind == "string":
        return {p["column"]: rewritten_texts(column, rows, wrongly_decoded)}
    raise PerturbationError(f"“{p['column']}” holds no values to which “{how}” could happen.")


def label_noise(
    frame: pd.DataFrame, p: Parameters, rng: np.random.Generator
) -> dict[str, pd.Series]:
    """Some rows get another of the labels there are, each as likely as the others."""
    column, rows = uncategorised(column_of(frame, p["column"])), chosen_rows(frame, p, rng)
    known = rows[column.notna().to_numpy()[rows]]
    levels = np.array(sorted(column.dropna().unique()), dtype=object)
    if len(levels) < 2:
        raise PerturbationError(f"“{p['column']}” has one label only; there is no other one.")
    places = np.searchsorted(levels, column.to_numpy(dtype=object)[known])
    others = (places + rng.integers(1, len(levels), len(known))) % len(levels)
    changed = column.copy()
    if len(known):
        changed.iloc[known] = list(levels[others])
    return {p["column"]: changed}


def typos(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> dict[str, pd.Series]:
    column, rows = column_of(frame, p["column"]), chosen_rows(frame, p, rng)
    slip = partial(with_typos, per_hundred=p["per_hundred"], rng=rng)
    return {p["column"]: rewritten_texts(column, rows, slip)}


def casing(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> dict[str, pd.Series]:
    column, rows = column_of(frame, p["column"]), chosen_rows(frame, p, rng)
    return {p["column"]: rewritten_texts(column, rows, CASINGS[p["to"]])}


def punctuation(
    frame: pd.DataFrame, p: Parameters, rng: np.random.Generator
) -> dict[str, pd.Series]:
    column, rows = column_of(frame, p["column"]), chosen_rows(frame, p, rng)
    return {p["column"]: rewritten_texts(column, rows, PUNCTUATIONS[p["to"]])}


def truncate(frame: pd.DataFrame, p: Parameters, rng: np.random.Generator) -> dict[str, pd.Series]:
    column, rows = column_of(frame, p["column"]), chosen_rows(frame, p, rng)
    longest = int(p["length"])
    return {p["column"]: rewritten_texts(column, rows, lambda text: text[:longest])}


VALUE_CHANGES: dict[str, ValueChange] = {
    "missing": missing,
    "noise": noise,
    "scale": scale,
    "stuck": stuck,
    "rounding": rounding,
    "outliers": outliers,
    "stale": stale,
    "swap_categories": swap_categories,
    "unseen_level": unseen_level,
    "permute": permute,
    "shift": shift,
    "ablate": ablate,
    "shock": shock,
    "replay": replay,
    "corrupt_type": corrupt_type,
    "label_noise": label_noise,
    "typos": typos,
    "casing": casing,
    "punctuation": punctuation,
    "truncate": truncate,
}
