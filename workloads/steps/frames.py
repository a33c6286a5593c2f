"""Rows of JSON values, and the frames that models of mixed columns take.

Embedded in the steps that evaluate models, so it imports nothing of this repository.
"""

# pandas ships no complete types.
# pyright: basic

from typing import Any

import numpy as np
import pandas as pd


def frame_of(rows: list[list[Any]], features: list[str], kinds: list[str]) -> Any:
    """Return rows of JSON values as the frame that a model of mixed columns takes."""
    columns = list(zip(*rows, strict=True))
    return pd.DataFrame(
        {
            name: np.array(cells, dtype=float)
            if kind == "number"
            else pd.Series(list(cells), dtype=object if kind == "text" or None in cells else bool)
            for name, kind, cells in zip(features, kinds, columns, strict=True)
        }
    )


def rows_of(features: Any, kinds: list[str]) -> list[list[Any]]:
    """Return a matrix or a frame as rows of JSON values, every digit kept, None for what is missing."""
    if not kinds:
        return features.tolist()
    return features.astype(object).where(features.notna(), None).to_numpy().tolist()
