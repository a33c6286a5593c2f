"""The client of the bucket of payloads: whoever uses it tries again later, and must not be held up by it."""

# boto3 ships no types.
# pyright: basic

from typing import Any

import boto3
from botocore.config import Config

from delivery.payloads.settings import PayloadSettings


def client(settings: PayloadSettings, *, read_seconds: float = 5, attempts: int = 1) -> Any:
    """Return a client with one connection; nothing is sent yet.

    Args:
        settings: Where the bucket is.
        read_seconds: How long an answer may take.
        attempts: How often a request is sent, at most.
    """
    patience = Config(
        connect_timeout=1,
        read_timeout=read_seconds,
        retries={"total_max_attempts": attempts},
        max_pool_connections=1,
        s3={"addressing_style": "path"},
    )
    return boto3.client("s3", endpoint_url=settings.endpoint, region_name=settings.region, config=patience)
