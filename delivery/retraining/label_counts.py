"""How many rows of a model have a label, by the files that users have uploaded."""

# boto3 ships no complete types.
# pyright: basic

from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError

from delivery.payloads import bucket
from delivery.payloads.settings import PayloadSettings
from workloads.retraining.labelled_rows import LabelledRows
from workloads.retraining.stored_rows import read_labels


class LabelCounts:
    """The labels in the bucket of payloads."""

    def __init__(self, settings: PayloadSettings) -> None:
        """Prepare the client; nothing is sent yet."""
        self._bucket = settings.bucket
        self._client = bucket.client(settings)

    def of_model(self, namespace: str, model_name: str) -> int:
        """Return how many rows have a label.

        The requests that they belong to are not looked at: those are many, and the run does so itself.

        Raises:
            OSError: the store does not answer, or does not have the bucket; one line.
        """
        found = LabelledRows(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
        try:
            read_labels(self._client, f"s3://{self._bucket}/{namespace}", model_name, found)
        except (BotoCoreError, ValueError) as error:
            raise OSError(f"labels of {model_name} cannot be counted: {error}") from None
        return found.labels
