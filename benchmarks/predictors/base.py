"""What every predictor shares: its answer and its refusal."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class PredictorError(Exception):
    """A model that cannot answer, in words its owner can act on."""


@dataclass(frozen=True)
class Prediction:
    """One answer per row; `score` is the probability of the positive class, None without one."""

    score: Floats | None
    prediction: npt.NDArray[np.generic]
