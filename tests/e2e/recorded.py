"""Recorded requests of a model in the bucket of payloads."""

import gzip
import json
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

from workloads import object_store
from workloads.contract import PAYLOADS_BUCKET
from workloads.endpoints import Endpoints
from workloads.serving import payload_objects
from workloads.wait import wait_for

_STORED_SECONDS = 60


def contents_since(store: Any, began: datetime, folder: str = "") -> Iterator[bytes]:
    """Yield each object of the bucket, or of a folder of it, that is newer than a time, decompressed."""
    for page in store.get_paginator("list_objects_v2").paginate(Bucket=PAYLOADS_BUCKET, Prefix=folder):
        for each in page.get("Contents", []):
            if each["LastModified"] >= began - timedelta(seconds=2):
                content = store.get_object(Bucket=PAYLOADS_BUCKET, Key=each["Key"])["Body"].read()
                yield gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


def wait_until_stored(
    endpoints: Endpoints,
    model_name: str,
    versions: Collection[str],
    identities: Collection[str],
    began: datetime,
) -> list[dict[str, Any]]:
    """Wait until requests are stored, and return every line that is one of them, twice if it is there twice.

    Args:
        endpoints: The platform.
        model_name: The model that was asked.
        versions: Versions that may have answered.
        identities: Ids of the requests.
        began: A time before the first of them.
    """
    store, wanted = object_store.payloads_store(endpoints), {*identities}
    mine: list[dict[str, Any]] = []

    def stored() -> str | None:
        folders = [payload_objects.folder(endpoints.models_namespace, model_name, each) for each in versions]
        found = [
            json.loads(line)
            for folder in folders
            for content in contents_since(store, began, folder)
            for line in content.splitlines()
        ]
        mine[:] = [each for each in found if each["eventMetadata"]["eventId"] in wanted]
        return None if len(mine) >= len(wanted) else f"{len(mine)} of {len(wanted)} requests are stored"

    wait_for("recorded requests", stored, timeout_seconds=_STORED_SECONDS, interval_seconds=2)
    return mine
