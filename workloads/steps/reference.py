"""Reference statistics of a model: its training rows in bins, and its answers to rows that it never saw.

Embedded in the step that trains, so it imports nothing of this repository. Whoever watches the model compares
live traffic with it, bin by bin; the predictor puts values into the same bins.
"""

# pandas ships no complete types.
# pyright: basic

from collections import Counter
from typing import Any

import numpy as np

REFERENCE_FILE = "reference.json"
REFERENCE_FORMAT = 1
GOLDEN_ROWS = 32
_ROWS_PER_BIN = 30
_FEWEST_BINS = 4
_MOST_BINS = 10
_MOST_KNOWN_TEXTS = 20
# A text of fewer rows may identify somebody, and says nothing about the distribution.
_FEWEST_ROWS_OF_TEXT = 5
_LONGEST_KNOWN_TEXT = 200
_MOST_DESCRIBED = 1000
_MOST_GOLDEN_CELLS = 100_000


def reference_of(
    fitted: Any, names: list[str], kinds: list[str], held_back: dict[str, Any], data_sha256: str
) -> dict[str, Any]:
    """Return the reference statistics of a model as JSON values.

    Args:
        fitted: The training rows: a matrix, or a frame.
        names: Names of the features.
        kinds: number, text or boolean for each feature of a frame; empty for a matrix.
        held_back: Rows that training never saw with what the model answers to them, as train stores them.
        data_sha256: SHA-256 of the data.
    """
    described = [
        {"name": name, **binned(_column_of(fitted, place, kinds), kinds[place] if kinds else "number")}
        for place, name in enumerate(names[:_MOST_DESCRIBED])
    ]
    probabilities = np.array(held_back["probabilities"])
    classes = held_back["classes"]
    answers: dict[str, Any] = {"rows": len(held_back["predicted"])}
    if classes:
        answers["class"] = _known(held_back["predicted"], classes)
        # The model is surer of the rows that it was fitted to than of any others.
        answers["confidence"] = binned(probabilities.max(axis=1), "number")
    else:
        answers["prediction"] = binned(np.array(held_back["predicted"]), "number")
    golden = max(1, min(GOLDEN_ROWS, _MOST_GOLDEN_CELLS // max(1, len(names))))
    return {
        "format": REFERENCE_FORMAT,
        "data_sha256": data_sha256,
        "rows": len(fitted),
        "features": described,
        "features_without_statistics": len(names) - len(described),
        "held_back": answers,
        "golden": {
            "features": names,
            "kinds": kinds,
            "classes": classes,
            "rows": held_back["rows"][:golden],
            "predicted": held_back["predicted"][:golden],
            "probabilities": held_back["probabilities"][:golden],
        },
    }


def binned(values: Any, kind: str) -> dict[str, Any]:
    """Return the bins of a column and how many rows are in each.

    A number is in the bin whose number is how many edges are not above it. The last count is of rows without
    a value; before it, texts and booleans have one of those that are not among the categories.
    """
    if kind == "number":
        return _numbers(np.asarray(values, dtype="float64"))
    texts = [
        None if _is_missing(each) else str(each).lower() if kind == "boolean" else each for each in values
    ]
    known = ["false", "true"] if kind == "boolean" else _frequent(texts)
    return {**_known(texts, known), "kind": kind}


def edges_of(values: Any) -> list[float]:
    """Return edges between bins of about equally many rows; a frequent value has a bin of its own.

    Args:
        values: Finite numbers.
    """
    bins = min(max(len(values) // _ROWS_PER_BIN, _FEWEST_BINS), _MOST_BINS)
    distinct = np.unique(values)
    if len(distinct) <= bins:
        return distinct[1:].tolist()
    quantiles = np.quantile(values, np.arange(1, bins) / bins, method="higher").tolist()
    edges = set(quantiles)
    for value, times in Counter(quantiles).items():
        above = np.searchsorted(distinct, value, side="right")
        # Several quantiles are one value: the bin above it begins with the next one.
        if times > 1 and above < len(distinct):
            edges.add(float(distinct[above]))
    return sorted(edges - {float(distinct[0])})


def _numbers(values: Any) -> dict[str, Any]:
    found = values[np.isfinite(values)]
    edges = edges_of(found)
    counts = np.bincount(np.searchsorted(edges, found, side="right"), minlength=len(edges) + 1)
    span = (
        {"min": float(found.min()), "max": float(found.max())} if len(found) else {"min": None, "max": None}
    )
    return {"kind": "number", "edges": edges, "counts": [*counts.tolist(), len(values) - len(found)], **span}


def _known(values: Any, known: list[Any]) -> dict[str, Any]:
    counted = Counter(values)
    missing = counted.pop(None, 0)
    counts = [counted.pop(each, 0) for each in known]
    return {"kind": "text", "categories": known, "counts": [*counts, sum(counted.values()), missing]}


def _frequent(texts: list[Any]) -> list[str]:
    counted = Counter(each for each in texts if each is not None and len(each) <= _LONGEST_KNOWN_TEXT)
    enough = [(-times, each) for each, times in counted.items() if times >= _FEWEST_ROWS_OF_TEXT]
    return [each for _, each in sorted(enough)[:_MOST_KNOWN_TEXTS]]


def _column_of(fitted: Any, place: int, kinds: list[str]) -> Any:
    return fitted.iloc[:, place] if kinds else fitted[:, place]


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))
