"""Which observations are one case. Pure and versioned: old cases keep their own rule."""

from typing import Any

from catalog.digests import digest

VERSION = 1
#: The place of what gathers nowhere in particular.
ALL_ROWS = "all rows"


def parts(*, error: str, place: str, cause: str = "") -> dict[str, str]:
    """What identity is made of: the kind of error, the slice it gathers in, a known cause.

    Never the model's free output, a number, a host or a line: they change while the failure
    stays the same.
    """
    return {"error": error, "place": place, "cause": cause}


def fingerprint(values: dict[str, str]) -> str:
    return digest({"version": VERSION, **values})


def explain(values: dict[str, Any]) -> str:
    """Why these observations are one case, in a sentence."""
    if not values.get("error"):
        return "Their source gave them one fingerprint."
    place = values.get("place", "")
    where = "" if place in {"", ALL_ROWS} else f" in “{place}”"
    cause = f" under “{values['cause']}”" if values.get("cause") else ""
    return f"All are {values['error']}{where}{cause}."
