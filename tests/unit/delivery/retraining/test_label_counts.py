"""Labels that users have uploaded."""

import boto3
import pytest
from moto import mock_aws

from delivery.payloads.settings import PayloadSettings
from delivery.retraining.label_counts import LabelCounts
from tests.unit.workloads.retraining.feedback import label


@mock_aws
def test_rows_with_labels_are_counted_and_a_store_without_the_bucket_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    settings = PayloadSettings(
        bucket="payloads", endpoint="https://s3.us-east-1.amazonaws.com", region="us-east-1", keep_days=None
    )
    counts = LabelCounts(settings)
    with pytest.raises(OSError, match="labels of wine cannot be counted"):
        counts.of_model("models", "wine")
    store = boto3.client("s3", region_name="us-east-1")
    store.create_bucket(Bucket="payloads")
    assert counts.of_model("models", "wine") == 0
    lines = label("a", "x") + label("b:1", "y") + label("b:1", "y") + label("c", "x") + label("c", "y")
    store.put_object(Bucket="payloads", Key="models/wine/labels/a.jsonl", Body=lines)
    assert counts.of_model("models", "wine") == 2
    assert counts.of_model("research", "wine") == 0
