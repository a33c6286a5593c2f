"""Reference statistics of a model, and the same bins for live rows: counts since the process started."""

import json
import logging
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.datatypes import Array

REFERENCE_FILE = Path("extra_files") / "reference.json"
_FORMAT = 1
_LOGGER = logging.getLogger("predictor")
_MOST_PENDING = 1024
_PENDING_CELLS = 32 * 1024


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A feature, or a part of the answer, with its bins."""

    name: str
    """Its name in the output of counts."""
    kind: str
    reference: tuple[int, ...]
    """Rows by bin at training; the last bin is of rows without a value."""
    edges: tuple[float, ...] = ()
    low: float = float("nan")
    high: float = float("nan")
    codes: tuple[tuple[Any, int], ...] = ()
    """Bins of texts and booleans."""

    @classmethod
    def of_json(cls, name: str, body: dict[str, Any]) -> "Variable":
        """Return a variable as training described it."""
        counts = tuple(map(int, body["counts"]))
        if body["kind"] == "number":
            low, high = (float("nan") if body[key] is None else float(body[key]) for key in ("min", "max"))
            edges = tuple(map(float, body["edges"]))
            if len(edges) + 2 != len(counts):
                raise ValueError(f"{name} has {len(edges)} edges and {len(counts)} counts")
            return cls(name=name, kind="number", reference=counts, edges=edges, low=low, high=high)
        codes = tuple((text, place) for place, text in enumerate(body["categories"]))
        if len(codes) + 2 != len(counts):
            raise ValueError(f"{name} has {len(codes)} categories and {len(counts)} counts")
        return cls(name=name, kind=str(body["kind"]), reference=counts, codes=codes)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What training said about the model's rows and answers."""

    rows: int
    held_back_rows: int
    features: tuple[Variable, ...]
    answers: tuple[Variable, ...]
    golden: bytes = b""
    """Some held-back rows with their answers at training time, as JSON; empty without them."""


def read(folder: Path) -> Reference | None:
    """Return the reference statistics in a model's folder; None without them, or if they cannot be read."""
    file = folder / REFERENCE_FILE
    if not file.is_file():
        return None
    try:
        body = json.loads(file.read_bytes())
        if body["format"] != _FORMAT:
            raise ValueError(f"format {body['format']}, not {_FORMAT}")
        answers = body["held_back"]
        return Reference(
            rows=int(body["rows"]),
            held_back_rows=int(answers["rows"]),
            features=tuple(Variable.of_json(str(each["name"]), each) for each in body["features"]),
            answers=tuple(
                Variable.of_json(name, answers[name])
                for name in ("class", "confidence", "prediction")
                if name in answers
            ),
            golden=json.dumps(body["golden"]).encode() if "golden" in body else b"",
        )
    except (ValueError, KeyError, TypeError) as error:
        _LOGGER.warning("%s cannot be read, so rows are not counted: %s", REFERENCE_FILE, error)
        return None


class Bins:
    """Rows by bin of each variable, since the process started."""

    def __init__(
        self, features: tuple[Variable, ...], answers: tuple[Variable, ...], classes: list[Any]
    ) -> None:
        self.features = features
        self._answers = answers
        self._named = [(f"feature/{each.name}", each) for each in features]
        self._named += [(f"answer/{each.name}", each) for each in answers]
        variables = [*features, *answers]
        lengths = [len(each.reference) for each in variables]
        self._offsets = np.cumsum([0, *lengths[:-1]])
        self._missing = np.array(lengths) - 1
        most = max((len(each.edges) for each in variables), default=0)
        # Comparing with NaN is false: a variable of fewer edges has no bins behind its last.
        self._edges = np.array([(*each.edges, *[np.nan] * (most - len(each.edges))) for each in variables])
        self._edges = self._edges.reshape(len(variables), most)
        self._low = np.array([each.low for each in variables])
        self._high = np.array([each.high for each in variables])
        self._texts = np.array([each.kind != "number" for each in variables])
        self._codes = [dict(each.codes) for each in features]
        known = {str(text): place for each in answers if each.name == "class" for text, place in each.codes}
        self._class_codes = np.array([known.get(str(each), len(known)) for each in classes], dtype="float64")
        self._is_classifier = any(each.name == "class" for each in answers)
        self._outputs = len(classes) if self._is_classifier else 1
        self._size = max(1, min(_MOST_PENDING, _PENDING_CELLS // max(1, len(variables))))
        # Putting many small arrays together takes less time than copying each into a large one.
        self._rows: list[Array] = []
        self._results: list[Array] = []
        self._last: NDArray[Any] | None = None
        self._counts = np.zeros(sum(lengths), dtype="int64")
        self._outside = np.zeros(len(variables), dtype="int64")
        self._changes = np.zeros(len(variables), dtype="int64")
        self.counted = 0

    def add(self, row: Any, result: Any) -> None:
        """Count one row and the answer to it.

        Args:
            row: A matrix of one row, with a column for each feature, as `row_of` returns it.
            result: Probabilities of the classes, or the predicted quantity; nobody writes into it.

        Raises:
            ValueError: the result is of another kind.
        """
        if result.size != self._outputs or result.dtype.kind not in "fiu":
            raise ValueError("the answer to a row is not what the reference statistics describe")
        self._rows.append(row)
        self._results.append(result)
        if len(self._rows) == self._size:
            self._flush()

    def row_of(self, frame: Any, place: int) -> Array:
        """Return one row of a frame with texts and booleans as the numbers of their bins."""
        row: list[float] = []
        for each, codes in zip(self.features, self._codes, strict=True):
            value = frame[each.name].iat[place] if each.name in frame else None
            if value is None or (isinstance(value, float) and isnan(value)):
                row.append(float("nan"))
            elif each.kind == "number":
                row.append(float(value))
            else:
                text = str(value).lower() if each.kind == "boolean" else value
                row.append(codes.get(text, len(codes)))
        return np.array([row])

    def to_json(self) -> dict[str, Any]:
        """Return rows by bin of each variable, next to those of training."""
        self._flush()
        found: dict[str, Any] = {}
        for place, (name, each) in enumerate(self._named):
            start = int(self._offsets[place])
            counts = self._counts[start : start + len(each.reference)]
            outside = {"outside": int(self._outside[place])} if each.kind == "number" else {}
            found[name] = {
                "kind": each.kind,
                "counts": counts.tolist(),
                "reference": each.reference,
                "changes": int(self._changes[place]),
                **outside,
            }
        return found

    def _flush(self) -> None:
        if not self._rows:
            return
        rows = np.concatenate(self._rows)
        results = np.concatenate(self._results, axis=None).reshape(len(rows), self._outputs)
        self._rows, self._results = [], []
        values = np.hstack([rows, self._shown(results)]).astype("float64", copy=False)
        known = np.isfinite(values)
        places = np.zeros(values.shape, dtype="int16")
        for edges in self._edges.T:
            places += values >= edges
        places = np.where(self._texts, np.where(known, values, 0).astype("int64"), places)
        places = np.where(known, places, self._missing)
        self._counts += np.bincount((places + self._offsets).ravel(), minlength=len(self._counts))
        self._outside += (known & ((values < self._low) | (values > self._high))).sum(axis=0)
        before = values[:1] if self._last is None else self._last
        chain = np.vstack([before, values])
        same = (chain[1:] == chain[:-1]) | (np.isnan(chain[1:]) & np.isnan(chain[:-1]))
        self._changes += (~same).sum(axis=0)
        self._last = values[-1:].copy()
        self.counted += len(values)

    def _shown(self, results: Array) -> Array:
        """Return results as values of the variables: class and confidence, or the predicted quantity."""
        if not self._answers:
            return results[:, :0]
        if not self._is_classifier:
            return results
        best = results.argmax(axis=1)
        return np.column_stack([self._class_codes[best], results.max(axis=1)])
