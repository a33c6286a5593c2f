"""Reads labels and recorded requests of a model from the object store.

Embedded in the step that assembles data, with the module that it imports from here.
"""

# boto3 ships no types.
# pyright: basic, reportTypedDictNotRequiredAccess=false

import gzip
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from workloads.retraining.labelled_rows import LABELS

_HOUR = re.compile(r"v\d+/(\d{4}/\d\d/\d\d/\d\d)/[^/]+")
# A batch is named after the hour in which it was pulled, which is later where the store was away.
_LATE = timedelta(hours=24)
_DAYS = 7
"""Days before its end in which a window begins, if nobody says when."""


def window_of(begin: str, end: str) -> tuple[datetime, datetime]:
    """Return when a window begins and ends.

    Args:
        begin: ISO 8601, in UTC unless it says otherwise; empty for seven days before the end.
        end: The same; empty for now.

    Raises:
        ValueError: one is no time, or nothing is between them; one line.
    """
    last = _time("end", end) if end else datetime.now(UTC)
    first = _time("begin", begin) if begin else last - timedelta(days=_DAYS)
    if first >= last:
        raise ValueError(f"window: begins {first.isoformat()}, not before its end {last.isoformat()}")
    return first, last


class Taker(Protocol):
    """What takes lines of files, such as `LabelledRows`."""

    def add_label(self, line: bytes) -> None:
        """Take one line of a file of labels."""

    def add_request(self, line: bytes) -> None:
        """Take one line of a file of requests."""

    def count_broken_file(self) -> None:
        """Count a file that is not what its name says."""


def read_labels(
    store: Any, location: str, model_name: str, found: Taker, since: datetime | None = None
) -> None:
    """Take every label of a model.

    Args:
        store: A client of the object store.
        location: s3://bucket/namespace of the models.
        model_name: The model.
        found: What takes them.
        since: Files that were not written since then are left out; None for all.

    Raises:
        ValueError: they cannot be listed; one line.
    """
    bucket, folder = _folder(location, model_name)
    for key, written in _objects(store, bucket, f"{folder}{LABELS}/"):
        if since is not None and written < since:
            continue
        for line in _stored_lines(store, bucket, key, found):
            found.add_label(line)


def read_requests(
    store: Any,
    location: str,
    model_name: str,
    window: tuple[datetime, datetime],
    found: Taker,
    version: str = "",
) -> None:
    """Take the recorded requests of a window.

    Args:
        store: A client of the object store.
        location: s3://bucket/namespace of the models.
        model_name: The model.
        window: From when, and until when.
        found: What takes them.
        version: Its version; empty for all of them.

    Raises:
        ValueError: they cannot be listed; one line.
    """
    bucket, folder = _folder(location, model_name)
    first, last = (f"{each.astimezone(UTC):%Y/%m/%d/%H}" for each in (window[0], window[1] + _LATE))
    for key, _ in _objects(store, bucket, f"{folder}v{version}/" if version else f"{folder}v"):
        hour = _HOUR.fullmatch(key.removeprefix(folder))
        if hour and first <= hour[1] <= last:
            for line in _stored_lines(store, bucket, key, found):
                found.add_request(line)


def _time(what: str, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{what} {text!r}: no time; give ISO 8601 such as 2026-11-30T12:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _folder(location: str, model_name: str) -> tuple[str, str]:
    bucket, _, namespace = location.removeprefix("s3://").strip("/").partition("/")
    return bucket, f"{namespace}/{model_name}/"


def _objects(store: Any, bucket: str, prefix: str) -> Iterator[tuple[str, datetime]]:
    from botocore.exceptions import ClientError

    try:
        for page in store.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Contents", []):
                yield each["Key"], each["LastModified"]
    except ClientError as error:
        raise ValueError(
            f"payloads s3://{bucket}/{prefix}: cannot be listed ({error.response['Error']['Code']})"
        ) from None


def _stored_lines(store: Any, bucket: str, key: str, found: Taker) -> Iterator[bytes]:
    """Yield the lines of an object that hold anything; of one that is broken, those before the fault."""
    from botocore.exceptions import ClientError

    try:
        body = store.get_object(Bucket=bucket, Key=key)["Body"]
        lines = gzip.GzipFile(fileobj=body) if key.endswith(".gz") else body.iter_lines()
        for line in lines:
            if line.strip():
                yield line
    except (ClientError, OSError, EOFError, zlib.error):
        # It was deleted since it was listed, or is no gzip file.
        found.count_broken_file()
