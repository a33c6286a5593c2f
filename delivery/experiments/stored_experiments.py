"""What the object store says of an experiment: its labels, and the recorded requests of both versions."""

# boto3 ships no complete types.
# pyright: basic

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import boto3
from botocore.config import Config

from delivery.experiments.records import Measured
from delivery.experiments.tally import Tally
from delivery.payloads.settings import PayloadSettings
from workloads.retraining.stored_rows import read_labels, read_requests
from workloads.serving.experiment_request import Metric

# A label is written after its request, but by another clock.
_CLOCKS: Final = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Side:
    """One version of an experiment."""

    version: str
    classes: Sequence[Any]
    """Those that its probabilities are of; empty if it predicts a quantity."""


class StoredExperiments:
    """The bucket of payloads, read from the beginning of an experiment at each look."""

    def __init__(self, settings: PayloadSettings) -> None:
        """Prepare the client; nothing is sent yet."""
        self._bucket = settings.bucket
        patience = Config(
            connect_timeout=1,
            read_timeout=10,
            retries={"total_max_attempts": 2},
            max_pool_connections=1,
            s3={"addressing_style": "path"},
        )
        self._client: Any = boto3.client(
            "s3", endpoint_url=settings.endpoint, region_name=settings.region, config=patience
        )

    def measure(
        self,
        namespace: str,
        model_name: str,
        metric: Metric,
        window: tuple[datetime, datetime],
        *,
        challenger: Side,
        champion: Side,
    ) -> Measured:
        """Return what the labelled rows of both versions say.

        Args:
            namespace: Of the models.
            model_name: The model.
            metric: What is compared.
            window: Since when requests count, and the time now, both in UTC.
            challenger: The new version.
            champion: The version that has served.

        Raises:
            BotoCoreError, ClientError, OSError, ValueError: the store was not read.
        """
        location = f"s3://{self._bucket}/{namespace}"
        tally = Tally(metric, window[0])
        read_labels(self._client, location, model_name, tally, window[0] - _CLOCKS)
        if tally.labels:
            for each in (challenger, champion):
                tally.begin_version(is_challenger=each is challenger, classes=each.classes)
                read_requests(self._client, location, model_name, window, tally, each.version)
        return tally.measured()
