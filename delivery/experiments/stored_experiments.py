"""What the object store says of an experiment: its labels, and the recorded requests of both versions."""

from datetime import datetime

from delivery.experiments.records import Measured
from delivery.experiments.stored_labels import Side, StoredLabels
from delivery.experiments.tally import Tally
from workloads.serving.experiment_request import Metric


class StoredExperiments:
    """The bucket of payloads, read from the beginning of an experiment at each look."""

    def __init__(self, labels: StoredLabels) -> None:
        """Read from this bucket; nothing is sent yet."""
        self._labels = labels

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
        with self._labels.lock:
            tally = Tally(metric, window[0])
            self._labels.read(namespace, model_name, window, tally, (challenger, champion))
            return tally.measured()
