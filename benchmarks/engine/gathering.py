"""Where failures gather: each wrong answer is put to the one slice that explains it best. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.engine.slices import ALL, BoolArray

#: A slice explains failures when they are so many more than elsewhere that chance is no answer:
#: three standard errors of the failure rate, and at least this factor above the overall rate.
STANDARD_ERRORS = 3.0
FACTOR = 1.25


@dataclass(frozen=True)
class Gathering:
    """Failures that lie together: the slice, its rows' positions, and how much above the rest."""

    slice: str
    positions: tuple[int, ...]
    rate: float
    overall_rate: float


def gather(
    wrong: BoolArray, masks: Mapping[str, BoolArray], *, least: int = 20
) -> list[Gathering]:
    """Split the wrong rows among the slices in which they are over-represented.

    `wrong` and every mask are boolean arrays of one length. Slices are taken greedily by how far
    their failure rate lies above the overall one in standard errors; each wrong row is given
    away once; rows that no slice explains stay under `all`. Groups smaller than `least` are not
    made. The order of the masks breaks ties, so equal input gives equal output.
    """
    left = wrong.copy()
    found: list[Gathering] = []
    overall = float(wrong.mean()) if len(wrong) else 0.0
    ranked = sorted(masks, key=lambda name: -_excess(wrong, masks[name], overall))
    for name in ranked:
        inside = masks[name]
        if not _explains(wrong, inside, overall):
            continue
        taken = np.flatnonzero(left & inside)
        if len(taken) >= least:
            found.append(
                Gathering(name, tuple(taken.tolist()), float(wrong[inside].mean()), overall)
            )
            left[taken] = False
    rest = np.flatnonzero(left)
    if len(rest) >= least:
        found.append(Gathering(ALL, tuple(rest.tolist()), overall, overall))
    return found


def _explains(wrong: BoolArray, inside: BoolArray, overall: float) -> bool:
    n = int(inside.sum())
    if n == 0 or n == len(wrong):
        return False
    rate = float(wrong[inside].mean())
    return rate >= FACTOR * overall and _excess(wrong, inside, overall) >= STANDARD_ERRORS


def _excess(wrong: BoolArray, inside: BoolArray, overall: float) -> float:
    """How many standard errors the failure rate inside lies above the overall rate."""
    n = int(inside.sum())
    spread = overall * (1 - overall)
    if n == 0 or spread == 0:
        return 0.0
    return (float(wrong[inside].mean()) - overall) / (spread / n) ** 0.5
