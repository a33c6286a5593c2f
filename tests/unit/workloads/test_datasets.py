"""Data sets, refused before anything is submitted."""

import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fixtures.platforms import ENDPOINTS
from workloads import datasets, object_store
from workloads.errors import WorkloadsError

GOOD = b"size,kind\n" + b"".join(b"%d,%s\n" % (n, b"ab"[n % 2 : n % 2 + 1]) for n in range(8))


class Store:
    """An object store that holds one file, or an error."""

    def __init__(self, content: bytes | Exception) -> None:
        self.content = content
        self.size = 0

    def get_object(self, **_: str) -> dict[str, Any]:
        if isinstance(self.content, Exception):
            raise self.content
        content = self.content

        class Body:
            def __init__(self) -> None:
                self.left = content

            def read(self, size: int) -> bytes:
                part, self.left = self.left[:size], self.left[size:]
                return part

        return {"Body": Body(), "ContentLength": self.size or len(content)}


def holding(monkeypatch: pytest.MonkeyPatch, content: bytes | Exception) -> None:
    monkeypatch.setattr(object_store, "pipelines_store", lambda _: Store(content))


def test_a_shipped_data_set_is_prepared() -> None:
    found = datasets.prepare(ENDPOINTS, "breast_cancer", "target")
    assert found.model_name == "breast-cancer"
    assert len(found.sha256) == 64


def test_a_file_of_the_object_store_is_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    holding(monkeypatch, GOOD)
    found = datasets.prepare(ENDPOINTS, "s3://pipelines/data/Sizes 2026.csv", "kind")
    assert found.model_name == datasets.model_name("s3://pipelines/data/Sizes 2026.csv")
    assert found.sha256 == hashlib.sha256(GOOD).hexdigest()
    assert found.understood == "8 rows of 1 features, 2 classes"
    assert found.learns == "classification"


def test_the_name_of_the_model_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    holding(monkeypatch, GOOD)
    assert datasets.prepare(ENDPOINTS, "s3://b/数据.csv", "kind", name="sizes").model_name == "sizes"
    with pytest.raises(WorkloadsError, match="name 'Sizes': give at most 40 small Latin letters"):
        datasets.prepare(ENDPOINTS, "s3://b/数据.csv", "kind", name="Sizes")


def test_a_file_that_is_too_large_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(GOOD)
    store.size = 500_000_000
    monkeypatch.setattr(object_store, "pipelines_store", lambda _: store)
    with pytest.raises(WorkloadsError) as refused:
        datasets.prepare(ENDPOINTS, "s3://b/a.csv", "kind")
    assert str(refused.value) == (
        "data s3://b/a.csv: 500 MB; the limit is 268 MB: give fewer rows or columns"
    )


@pytest.mark.parametrize(
    ("data", "content", "reason"),
    [
        ("whine", GOOD, "data whine: unknown; give wine, breast_cancer or s3://bucket/key.csv"),
        ("s3://pipelines/a.txt", GOOD, "data s3://pipelines/a.txt: not a CSV file; give s3://bucket/key.csv"),
        (
            "s3://pipelines/a.csv.gz",
            GOOD,
            "data s3://pipelines/a.csv.gz: is compressed; unpack it and give s3://bucket/key.csv",
        ),
        (
            "s3://pipelines/a.csv",
            b"size,kind\n",
            "data: a header line but no rows; give at least 4 rows of each class",
        ),
        (
            "s3://pipelines/a.csv",
            GOOD.replace(b"kind", b"sort"),
            "data: no column 'kind' among size, sort; give the column with the class as target",
        ),
        (
            "s3://pipelines/a.csv",
            GOOD.replace(b"5,b", b"red,b"),
            "data line 7: feature 'size' is 'red', not a number; encode, fill or drop it",
        ),
        (
            "s3://pipelines/a.csv",
            ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject"),
            "data s3://pipelines/a.csv: cannot be read (NoSuchKey); upload the CSV file there first",
        ),
    ],
)
def test_what_the_pipeline_would_refuse_is_refused_here(
    monkeypatch: pytest.MonkeyPatch, data: str, content: bytes | Exception, reason: str
) -> None:
    holding(monkeypatch, content)
    with pytest.raises(WorkloadsError) as refused:
        datasets.prepare(ENDPOINTS, data, "kind")
    assert str(refused.value) == reason
