"""The data of a retraining: the base and the labelled rows of a window."""

import gzip
import hashlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import boto3
import pytest
from kfp import dsl
from moto import mock_aws

from tests.unit.workloads.retraining.feedback import label, request
from workloads.steps import assemble_data

ASSEMBLE: Any = assemble_data.assemble_data
BASE = "size,colour,target\n" + "".join(
    f"{at}.5,{('red', 'blue')[at % 2]},{'ab'[at % 2]}\n" for at in range(8)
)
ROWS = 20


@pytest.fixture
def store(step_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Any]:
    monkeypatch.setenv("PLINTH_S3_ENDPOINT", "https://s3.us-east-1.amazonaws.com")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    (step_environment / "base.csv").write_text(BASE)
    with mock_aws():
        client: Any = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="payloads")
        requests = b"".join(request(f"r{at}", [at / 3, "red"]) for at in range(ROWS))
        key = "models/wine/v3/2026/11/30/12/pod-0000000001.jsonl.gz"
        client.put_object(Bucket="payloads", Key=key, Body=gzip.compress(requests))
        yield client


def put_labels(store: Any, count: int) -> None:
    body = b"".join(label(f"r{at}", "ab"[at % 2]) for at in range(count))
    store.put_object(Bucket="payloads", Key="models/wine/labels/a.jsonl", Body=body)


def assemble(folder: Path, minimum_rows: int = ROWS, begin: str = "2026-11-30") -> tuple[Any, Any, Any]:
    base, dataset, fresh = (
        dsl.Dataset(uri=str(folder / f"{name}.csv")) for name in ("base", "dataset", "fresh")
    )
    made = ASSEMBLE.python_func(
        base=base,
        base_sha256="5" * 64,
        target="target",
        task="auto",
        model_name="wine",
        begin=begin,
        end="2026-12-01",
        minimum_rows=minimum_rows,
        dataset=dataset,
        fresh=fresh,
    )
    return made, dataset, fresh


def test_the_base_and_the_labelled_rows_are_one_table_with_its_digest(
    store: Any, step_environment: Path
) -> None:
    put_labels(store, ROWS)
    (sha256, rows), dataset, fresh = assemble(step_environment)
    content = Path(dataset.path).read_bytes()
    assert content.decode().startswith(BASE)
    assert (hashlib.sha256(content).hexdigest(), rows) == (sha256, ROWS)
    learnt, held = (
        Path(each.path).read_text().splitlines()[skipped:] for each, skipped in ((dataset, 9), (fresh, 1))
    )
    expected = {f"{at / 3!r},red,{'ab'[at % 2]}" for at in range(ROWS)}
    assert {*learnt, *held} == expected
    assert learnt
    assert held
    assert len(learnt) + len(held) == ROWS
    assert dataset.metadata["base.sha256"] == "5" * 64
    assert dataset.metadata["fresh.sha256"] == hashlib.sha256(Path(fresh.path).read_bytes()).hexdigest()
    assert dataset.metadata["window"] == "2026-11-30T00:00:00Z to 2026-12-01T00:00:00Z"


@pytest.mark.parametrize("given", [0, 15])
def test_too_few_labels_are_one_line_that_says_how_many_are_missing(
    store: Any, step_environment: Path, given: int
) -> None:
    put_labels(store, given)
    with pytest.raises(
        ValueError,
        match=rf"^labels: {ROWS - given} of {ROWS} labelled rows are missing, 2026-11-30T00:00:00Z to .*"
        rf"\({given} labelled rows\); upload labels to s3://payloads/models/wine/labels/",
    ):
        assemble(step_environment)


def test_labels_of_requests_outside_the_window_do_not_count(store: Any, step_environment: Path) -> None:
    put_labels(store, ROWS)
    with pytest.raises(
        ValueError, match=rf"20 of 20 labelled rows are missing.* left out: {ROWS} labels of no"
    ):
        assemble(step_environment, begin="2026-11-30T13:00:00")


def test_rows_that_lack_a_feature_of_the_base_are_refused(store: Any, step_environment: Path) -> None:
    put_labels(store, ROWS)
    (step_environment / "base.csv").write_text(BASE.replace("colour", "shade"))
    with pytest.raises(ValueError, match=r"^labels: 20 of 20 labelled rows lack features of the data, 0 are"):
        assemble(step_environment)
