"""The bucket of payloads, in memory."""

from collections.abc import Generator
from typing import Any

import boto3
import pytest
from moto import mock_aws


@pytest.fixture
def payloads_bucket(monkeypatch: pytest.MonkeyPatch) -> Generator[Any]:
    """A client of a store whose bucket `payloads` is empty."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with mock_aws():
        found = boto3.client("s3", region_name="us-east-1")
        found.create_bucket(Bucket="payloads")
        yield found
