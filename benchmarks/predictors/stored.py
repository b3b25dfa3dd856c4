"""Predictions that were computed elsewhere, brought into the order of the rows to be judged."""

import numpy as np
import pandas as pd

from benchmarks.predictors.base import Floats, PredictorError

NAMED_ITEMS = 3


def stored_scores(predictions: pd.DataFrame, index: pd.Index, *, column: str = "score") -> Floats:
    """The stored score of every item of `index`; both sides are labelled by item id.

    The index may repeat items, as after drawing rows anew; the predictions may not.
    """
    if column not in predictions.columns:
        raise PredictorError(f"The stored predictions have no column “{column}”.")
    repeated = predictions.index[predictions.index.duplicated()].unique()
    if len(repeated):
        raise PredictorError(f"Stored predictions name {_items(repeated)} more than once.")
    positions = predictions.index.get_indexer(index)
    absent = index[positions < 0].unique()
    if len(absent):
        raise PredictorError(f"There is no stored prediction for {_items(absent)}.")
    try:
        scores = predictions[column].to_numpy(dtype=float, na_value=np.nan)[positions]
    except (TypeError, ValueError) as error:
        raise PredictorError(f"Stored predictions in “{column}” are not all numbers.") from error
    unusable = index[~np.isfinite(scores)].unique()
    if len(unusable):
        raise PredictorError(
            f"The stored prediction is not a finite number for {_items(unusable)}."
        )
    return scores


def _items(items: pd.Index) -> str:
    shown = ", ".join(str(item) for item in items[:NAMED_ITEMS])
    more = f" and {len(items) - NAMED_ITEMS} more" if len(items) > NAMED_ITEMS else ""
    return f"{len(items)} item{'s' if len(items) > 1 else ''} ({shown}{more})"
