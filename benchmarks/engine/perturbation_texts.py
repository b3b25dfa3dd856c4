"""What can happen to text on its way to a model: slips of the fingers, other cases, lost ends."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

CASINGS: dict[str, Callable[[str], str]] = {
    "upper case": str.upper,
    "lower case": str.lower,
    "swapped case": str.swapcase,
}
_MARKS = re.compile(r"[^\w\s]", re.UNICODE)
PUNCTUATIONS: dict[str, Callable[[str], str]] = {
    "none": lambda text: _MARKS.sub("", text),
    "doubled": lambda text: _MARKS.sub(lambda mark: 2 * mark.group(), text),
}


def with_typos(text: str, per_hundred: float, rng: np.random.Generator) -> str:
    """A number of slips by the text's length, at least one: letters swapped, lost or doubled."""
    letters = list(text)
    slips = max(1, round(len(letters) * per_hundred / 100))
    for _ in range(slips):
        if len(letters) < 2:
            break
        place = int(rng.integers(0, len(letters) - 1))
        slip = rng.integers(0, 3)
        if slip == 0:
            letters[place], letters[place + 1] = letters[place + 1], letters[place]
        elif slip == 1:
            del letters[place]
        else:
            letters.insert(place, letters[place])
    return "".join(letters)


def wrongly_decoded(text: str) -> str:
    """UTF-8 bytes read as Latin-1, as when an export and an import disagree."""
    return text.encode("utf-8").decode("latin-1")
