"""Batches of recorded requests in the object store."""

# boto3 ships no complete types.
# pyright: basic

import gzip
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from delivery.payloads import bucket
from delivery.payloads.recent import Batch
from delivery.payloads.settings import PayloadSettings
from delivery.version import Version
from workloads.serving import payload_objects

FAILURES: Final = (BotoCoreError, ClientError, OSError)
"""What a store that is full, or away, raises."""
_MOST_OBJECTS: Final = 50
_MOST_OBJECT_BYTES: Final = 512 * 1024
_MOST_DELETED: Final = 5_000
# Below NAMESPACE/MODEL/vN/: year, month, day and hour.
_LEVELS_OF_TIME: Final = 4


class PayloadStore:
    """The bucket of recorded requests."""

    def __init__(self, settings: PayloadSettings) -> None:
        """Prepare the client; nothing is sent yet."""
        self._bucket = settings.bucket
        self._client = bucket.client(settings)

    def put(self, key: str, content: bytes) -> None:
        """Store a batch.

        Raises:
            BotoCoreError, ClientError, OSError: it is not known to be stored.
        """
        self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=content,
            ContentType="application/gzip",
            ContentLength=len(content),
        )

    def newest(self, version: Version, lines: int) -> list[Batch]:
        """Return the newest batches of a version that have so many requests together, the newest last.

        Raises:
            BotoCoreError, ClientError, OSError: the store was not read.
        """
        folder = payload_objects.folder(version.namespace, version.model_name, version.number)
        found: list[Batch] = []
        for key in islice(self._newest_keys(folder, _LEVELS_OF_TIME), _MOST_OBJECTS):
            content = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            batch = Batch(name=key, content=content, lines=gzip.decompress(content).count(b"\n"))
            found.append(batch)
            lines -= batch.lines
            if lines <= 0:
                break
        return found[::-1]

    def delete_before(self, first_kept: date) -> int:
        """Delete batches of earlier days, a few thousand at most; what is left goes the next time.

        Returns:
            How many were deleted.

        Raises:
            BotoCoreError, ClientError, OSError: the store was not read, or deleted nothing.
        """
        count = 0
        for folder in self._days():
            if _day_of(folder, first_kept) >= first_kept:
                continue
            for keys in self._pages(folder):
                objects = [{"Key": each["Key"]} for each in keys]
                self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})
                count += len(objects)
                if count >= _MOST_DELETED:
                    return count
        return count

    def _days(self) -> Iterator[str]:
        # NAMESPACE/MODEL/vN/ and year, month, day below.
        level = [""]
        for _ in range(6):
            level = [below for each in level for below in self._folders(each)]
        yield from level

    def _newest_keys(self, folder: str, levels: int) -> Iterator[str]:
        if not levels:
            found = [each for page in self._pages(folder) for each in page]
            newest = sorted(found, key=lambda each: each["LastModified"], reverse=True)
            yield from (each["Key"] for each in newest if each["Size"] <= _MOST_OBJECT_BYTES)
            return
        for each in reversed(self._folders(folder)):
            yield from self._newest_keys(each, levels - 1)

    def _folders(self, prefix: str) -> list[str]:
        listed = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, Delimiter="/")
        return sorted(each["Prefix"] for each in listed.get("CommonPrefixes", []))

    def _pages(self, prefix: str) -> Iterator[list[dict[str, Any]]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        yield from (page["Contents"] for page in pages if page.get("Contents"))


def first_kept(today: date, keep_days: int) -> date:
    """Return the first day whose batches are kept, today's being one of them."""
    return today - timedelta(days=keep_days - 1)


def _day_of(folder: str, otherwise: date) -> date:
    """Return the day of a folder; one that somebody else has made is of no day that goes."""
    try:
        return date(*map(int, folder.rstrip("/").split("/")[-3:]))
    except ValueError:
        return otherwise
