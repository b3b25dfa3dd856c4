"""Who answered a run over HTTP: what the endpoint declared itself to be, and how it was asked."""

from dataclasses import dataclass
from typing import Any

from benchmarks.models import ChallengeRun
from catalog.models import ModelEndpoint

#: What an endpoint says of itself, in the order in which it is read.
DECLARED = (("model", "{}"), ("version", "version {}"), ("platform", "on {}"))


@dataclass(frozen=True)
class Served:
    """One run's endpoint over all of its scenarios so far.

    The times are those of whole requests in the scenario whose requests took longest.
    """

    endpoint: ModelEndpoint
    names: tuple[str, ...]
    requests: int
    retried: int
    rows_a_request: int
    p50: float | None
    p95: float | None

    @property
    def mixed(self) -> bool:
        return len(self.names) > 1


def served(run: ChallengeRun) -> Served | None:
    """None for a run whose version brings a file."""
    endpoint = getattr(run.model_version, "endpoint", None)
    if endpoint is None:
        return None
    facts = [said for said in run.parts.values_list("served_by", flat=True) if said]
    timed = [said for said in facts if "request_ms_p95" in said]
    slowest: dict[str, Any] = max(timed, key=lambda said: said["request_ms_p95"], default={})
    return Served(
        endpoint=endpoint,
        names=tuple(sorted({name for said in facts if (name := _name(said))})),
        requests=sum(said["requests"] for said in facts),
        retried=sum(said["retried"] for said in facts),
        rows_a_request=max((said["rows_a_request"] for said in facts), default=0),
        p50=slowest.get("request_ms_p50"),
        p95=slowest.get("request_ms_p95"),
    )


def _name(said: dict[str, Any]) -> str:
    return " ".join(words.format(said[key]) for key, words in DECLARED if key in said)
