import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from components.connections import Bucket
from components.incluster.object_store import bucket_policy
from components.jobs import create_buckets, wait

POLICIES = {name: bucket_policy(Bucket(name=name, owner="owner")) for name in ("first", "second")}


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for key in ("access-key", "secret-key"):
        (tmp_path / key).write_text("testing")
    monkeypatch.setenv("CREDENTIALS_FOLDER", str(tmp_path))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield


def client() -> Any:
    return boto3.client("s3")  # pyright: ignore[reportUnknownMemberType]


def test_missing_buckets_are_created_and_every_policy_set() -> None:
    s3 = client()
    s3.create_bucket(Bucket="first")
    assert create_buckets.create(s3, POLICIES) == ["second"]
    for name, policy in POLICIES.items():
        assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]) == policy


def test_running_again_creates_nothing_and_keeps_objects() -> None:
    s3 = client()
    create_buckets.create(s3, POLICIES)
    s3.put_object(Bucket="first", Key="kept", Body=b"1")
    assert create_buckets.create(s3, POLICIES) == []
    assert s3.get_object(Bucket="first", Key="kept")["Body"].read() == b"1"


def test_a_connection_that_is_refused_later_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wait.time, "sleep", lambda _: None)
    s3 = client()
    refused = iter([True, True, False])

    def refuse(request: Any, **_: object) -> None:
        if request.method == "PUT" and "second" in request.url and next(refused, False):
            raise EndpointConnectionError(endpoint_url=request.url)

    s3.meta.events.register("before-send.s3", refuse)
    assert create_buckets.create(s3, POLICIES) == ["first", "second"]
    assert not next(refused, False)
    assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == ["first", "second"]


def test_the_program_reads_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "buckets.json"
    file.write_text(json.dumps(POLICIES))
    monkeypatch.setenv("BUCKETS_FILE", str(file))
    monkeypatch.setenv("OBJECT_STORE_URL", "https://s3.amazonaws.com")
    assert create_buckets.main() == 0
    assert capsys.readouterr().out == "2 buckets, created: first, second\n"


def test_a_store_that_never_answers_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "buckets.json"
    file.write_text("{}")
    monkeypatch.setenv("BUCKETS_FILE", str(file))
    monkeypatch.setenv("OBJECT_STORE_URL", "http://127.0.0.1:9")

    def refuse(*_: object, **__: object) -> None:
        error = EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
        raise wait.NotReadyError(f"the object store did not answer within 120 s: {error}")

    monkeypatch.setattr(create_buckets, "until_answered", refuse)
    assert create_buckets.main() == 1
    assert capsys.readouterr().err.startswith("error: the object store did not answer within 120 s")
