"""Rows that people have set right: taken out of judging, or judged by another label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Amendments:
    """Which items are left out, and which carry another label. Items are named as texts."""

    left_out: frozenset[str] = frozenset()
    labels: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.left_out or self.labels)


def amended(scored: pd.DataFrame, amendments: Amendments) -> pd.DataFrame:
    """The scored rows as they are to be judged; the given frame stays as it is.

    An item that was drawn more than once is amended in every place. One that is both relabelled
    and left out is left out.
    """
    if not amendments:
        return scored
    names = pd.Series(scored.index.map(str), dtype=object)
    corrected = names.map(amendments.labels).to_numpy(dtype=float, na_value=np.nan)
    kept = ~names.isin(amendments.left_out).to_numpy()
    frame = scored.assign(label=_relabelled(scored["label"].to_numpy(), corrected))
    return frame[kept]


def _relabelled(labels: np.ndarray, corrected: np.ndarray) -> np.ndarray:
    given = ~np.isnan(corrected)
    fits = labels.dtype.kind != "f" and np.all(corrected[given] == np.round(corrected[given]))
    # A whole label stays whole: 1 and 1.0 would be two labels to whoever reads the file.
    found = labels.copy() if fits else labels.astype(float)
    found[given] = corrected[given]
    return found
