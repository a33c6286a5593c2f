"""Labels and recorded requests of a model in the object store, read into a tally."""

# boto3 ships no complete types.
# pyright: basic

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from delivery.experiments.tally import Tally
from delivery.payloads import bucket
from delivery.payloads.settings import PayloadSettings
from workloads.retraining.stored_rows import Taker, read_labels, read_requests

# A label is written after its request, but by another clock.
_CLOCKS: Final = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Side:
    """One version whose answers are held against labels."""

    version: str
    classes: Sequence[Any]
    """Those that its probabilities are of; empty if it predicts a quantity."""
    is_challenger: bool = False
    """Whether it is the new one of two."""


class StoredLabels:
    """The bucket of payloads, read from the beginning of a window at each look."""

    def __init__(self, settings: PayloadSettings) -> None:
        """Prepare the client; nothing is sent yet."""
        self._bucket = settings.bucket
        self._client = bucket.client(settings, read_seconds=10, attempts=2)
        self.lock = threading.Lock()
        """Held from the first label of a tally to its result: a full one takes a third of the memory."""

    def read(
        self,
        namespace: str,
        model_name: str,
        window: tuple[datetime, datetime],
        tally: Tally,
        sides: Sequence[Side],
        requests: Taker | None = None,
    ) -> None:
        """Take all labels of a window, and then the requests of each version.

        Args:
            namespace: Of the models.
            model_name: The model.
            window: Since when requests count, and the time now, both in UTC.
            tally: What takes them; without a label in the window, it takes no request.
            sides: The versions.
            requests: What takes the requests in its stead, and hands them on.

        Raises:
            BotoCoreError, ClientError, OSError, ValueError: the store was not read.
        """
        location = f"s3://{self._bucket}/{namespace}"
        read_labels(self._client, location, model_name, tally, window[0] - _CLOCKS)
        if not tally.labels:
            return
        for each in sides:
            tally.begin_version(is_challenger=each.is_challenger, classes=each.classes)
            read_requests(self._client, location, model_name, window, requests or tally, each.version)
