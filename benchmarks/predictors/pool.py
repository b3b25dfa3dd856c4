"""A few warm sandboxes per worker process: starting one takes seconds, asking it takes none."""

import atexit
import tempfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from benchmarks.predictors.artifact import ArtifactPredictor

#: Candidate, baseline and one more; each holds its model's libraries in memory.
WARM = 3


@dataclass(frozen=True)
class _Kept:
    predictor: ArtifactPredictor
    folder: tempfile.TemporaryDirectory[str]

    def close(self) -> None:
        self.predictor.close()
        self.folder.cleanup()


_kept: OrderedDict[tuple[str, tuple[str, ...]], _Kept] = OrderedDict()


def predictor(
    *,
    digest: str,
    content: bytes,
    format: str,
    input_columns: list[str],
    threshold: float,
    task: str,
) -> ArtifactPredictor:
    """The sandbox of this artefact, started when first asked; the one unused longest gives way."""
    key = (digest, tuple(input_columns))
    if key not in _kept:
        while len(_kept) >= WARM:
            _kept.popitem(last=False)[1].close()
        folder = tempfile.TemporaryDirectory(prefix="artifact-")
        path = Path(folder.name) / digest
        path.write_bytes(content)
        answering = ArtifactPredictor(
            path,
            format,  # type: ignore[arg-type]  # the artefact's own check refuses any other
            input_columns,
            threshold,
            task,  # type: ignore[arg-type]
        )
        _kept[key] = _Kept(answering, folder)
    _kept.move_to_end(key)
    return _kept[key].predictor


def close() -> None:
    """End every sandbox and forget its file."""
    while _kept:
        _kept.popitem()[1].close()


atexit.register(close)
