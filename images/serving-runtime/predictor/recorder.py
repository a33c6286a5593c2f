"""Records answered requests: one row of each in bins, and whole ones, sampled, in a ring that is pulled.

Nothing here waits, and no error reaches a caller. All counts change on the event loop; only `at_input` and
`at_answer` of a large request run in a thread, on objects of that request alone.
"""

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd

from predictor import answers
from predictor.codec import BinaryReply
from predictor.columns import Columns
from predictor.reference import Bins, Reference
from predictor.request_ids import unit_of
from predictor.ring import Ring
from predictor.served_model import ServedModel

_LOGGER = logging.getLogger("predictor")
MOST_ROWS = 4096
MOST_BYTES = 8 * 1024 * 1024
_HASHES = 2**64
# Requests with such ids are of the delivery controller, and no traffic: neither kept nor counted.
_CHECKS = b"plinth-check-"


@dataclass(frozen=True, kw_only=True)
class RecordSettings:
    """What is recorded."""

    sample_rate: float = 0.0
    """Share of requests whose rows and answers are kept; with 0 rows are only counted."""
    excluded_features: tuple[str, ...] = ()
    """Features of which nothing is kept or counted."""
    most_rows: int = MOST_ROWS
    most_bytes: int = MOST_BYTES


class Recorder:
    """Looks at the predictions of one model."""

    def __init__(
        self,
        model: ServedModel,
        settings: RecordSettings,
        reference: Reference | None,
        start: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.model = model
        self.start = start
        """Id of this process: counts and sequence numbers begin with it."""
        self.reference = reference
        self.ring = Ring(settings.most_rows, settings.most_bytes)
        self.clock = clock
        self.below = int(settings.sample_rate * _HASHES)
        """A request is kept if the hash of its id is below."""
        self.most_bytes = settings.most_bytes
        self.excluded = frozenset(settings.excluded_features)
        names = _names(model)
        self.names = [each for each in names if each not in self.excluded]
        self.kept = (
            np.array([place for place, name in enumerate(names) if name not in self.excluded])
            if len(self.names) < len(names)
            else None
        )
        """Places of the features that are kept; None if all are."""
        # Without names nobody can say which value is excluded: nothing is kept.
        self.is_recordable = bool(names) or not self.excluded
        self.bins = self._bins(reference, names) if reference is not None and self.is_recordable else None
        self.places: Any = None
        """Where a matrix has the features that are counted; None if they are its columns."""
        if self.bins is not None and model.matrix is not None:
            places = [self.names.index(each.name) for each in self.bins.features]
            self.places = None if places == list(range(len(self.names))) else np.array(places, dtype="int64")
        self.is_plain = (
            model.matrix is not None
            and self.is_recordable
            and self.kept is None
            and self.places is None
            and (self.below >= _HASHES or not self.below)
        )
        """Whether every matrix, or none, is kept as it is, and counted as it is."""
        self.is_copied = self.below > 0 or self.bins is not None
        """Whether anything of a request is looked at after it is answered."""
        self.requests = 0
        self.rows = 0
        self.recorded_requests = 0
        self.recorded_rows = 0
        self.unmonitored = 0

    def look(self, identity: bytes) -> "RequestLook | None":
        """Return what looks at one request; None for one that proves the version and is of no caller."""
        return None if identity.startswith(_CHECKS) else RequestLook(self, identity)

    def count_unmonitored(self) -> None:
        """Count a request that is answered without a look: gRPC, or a CloudEvent."""
        self.unmonitored += 1

    def counts(self) -> dict[str, Any]:
        """Return what was counted since the start."""
        reference = self.reference
        return {
            "start": self.start,
            "model": self.model.name,
            "digest": self.model.digest,
            "requests": self.requests,
            "rows": self.rows,
            "unmonitored_requests": self.unmonitored,
            "recorded_requests": self.recorded_requests,
            "recorded_rows": self.recorded_rows,
            "dropped_requests": self.ring.dropped_requests,
            "dropped_rows": self.ring.dropped_rows,
            "reference": None
            if reference is None or self.bins is None
            else {"rows": reference.rows, "held_back_rows": reference.held_back_rows},
            "variables": {} if self.bins is None else self.bins.to_json(),
        }

    def _bins(self, reference: Reference, names: list[str]) -> Bins | None:
        unknown = [each.name for each in reference.features if each.name not in names]
        if unknown:
            _LOGGER.warning("rows are not counted: the model has no features %s", unknown[:10])
            return None
        features = tuple(each for each in reference.features if each.name not in self.excluded)
        return Bins(features, reference.answers, json.loads(self.model.properties.get("classes", "[]")))


class RequestLook:
    """One request: what was given, and what the model answered."""

    __slots__ = ("_given", "_identity", "_is_kept", "_place", "_recorder", "_result", "_row", "_rows")

    def __init__(self, recorder: Recorder, identity: bytes) -> None:
        self._recorder = recorder
        self._identity = identity
        self._rows = 0
        self._place = 0
        self._is_kept = False
        self._given: Any = None
        self._row: Any = None
        self._result: Any = None

    def at_input(self, value: Any) -> None:
        """Copy what is recorded: models may write into their input."""
        recorder = self._recorder
        try:
            if recorder.is_plain and len(value) == 1:
                # Most requests, so without further questions.
                if recorder.is_copied:
                    self._row = value.copy()
                if recorder.below:
                    self._given = self._row
                    self._is_kept = True
                self._rows = 1
            elif recorder.is_recordable:
                self._look_closer(recorder, value)
        except Exception:
            _LOGGER.exception("a request is not recorded")

    def at_answer(self, result: Any) -> None:
        """Keep what the model answered to the row that is counted."""
        if self._row is None:
            return
        if self._rows == 1:
            self._result = result
        elif isinstance(result, np.ndarray):
            # A view would keep the answers to all rows alive.
            self._result = result[self._place : self._place + 1].copy()

    def record(self, reply: bytes | BinaryReply, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """Count the request as answered, and keep it if it is sampled. On the event loop alone.

        Args:
            reply: What the caller got.
            headers: Those of the request.
        """
        recorder = self._recorder
        if not self._rows:
            recorder.count_unmonitored()
            return
        recorder.requests += 1
        recorder.rows += self._rows
        if self._row is not None and recorder.bins is not None:
            try:
                recorder.bins.add(self._row, self._result)
            except (ValueError, AttributeError):
                # The answer is no array of the kind that training had.
                recorder.count_unmonitored()
        if not self._is_kept:
            return
        if self._given is None:
            recorder.ring.refuse(self._rows)
            return
        recorder.recorded_requests += 1
        recorder.recorded_rows += self._rows
        unit = unit_of(headers)
        recorder.ring.add(self._identity, recorder.clock(), self._rows, self._given, reply, unit)

    def _look_closer(self, recorder: Recorder, value: Any) -> None:
        rows = len(value)
        hashed = int.from_bytes(blake2b(self._identity, digest_size=8).digest(), "big")
        self._is_kept = hashed < recorder.below
        self._place = hashed % rows
        if recorder.model.matrix is not None:
            self._copy_matrix(value)
        elif isinstance(value, pd.DataFrame) and isinstance(recorder.model.other, Columns):
            self._copy_frame(value)
        else:
            return
        self._rows = rows

    def _copy_matrix(self, value: Any) -> None:
        recorder = self._recorder
        # One that no ring can hold is not copied.
        if self._is_kept and value.nbytes <= recorder.most_bytes:
            self._given = value.copy() if recorder.kept is None else value.take(recorder.kept, axis=1)
        if recorder.bins is None:
            return
        row = value[self._place : self._place + 1]
        row = row.copy() if recorder.kept is None else row.take(recorder.kept, axis=1)
        self._row = row if recorder.places is None else row.take(recorder.places, axis=1)

    def _copy_frame(self, value: pd.DataFrame) -> None:
        recorder = self._recorder
        if recorder.bins is not None:
            self._row = recorder.bins.row_of(value, self._place)
        if self._is_kept and len(value) * max(1, value.shape[1]) * 8 <= recorder.most_bytes:
            kept = [name for name in value.columns if str(name) not in recorder.excluded]
            table = {
                "columns": [str(name) for name in kept],
                "data": [list(row.values()) for row in answers.rows(value[kept])],
            }
            self._given = answers.dumps({"dataframe_split": table})


def _names(model: ServedModel) -> list[str]:
    if model.matrix is not None:
        return list(model.matrix.names)
    if isinstance(model.other, Columns) and model.other.named:
        return [str(each.name) for each in model.other.columns]
    return []
