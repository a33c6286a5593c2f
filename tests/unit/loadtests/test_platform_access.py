from dataclasses import replace
from pathlib import Path

import pytest

from loadtests.errors import LoadtestError
from loadtests.expectations import Expectations
from loadtests.platform_access import PlatformAccess
from tests.fixtures.stub_platform import DIGEST, PROBABILITIES, ROWS, StubPlatform, stub_platform
from workloads.endpoints import Endpoints


def access(stub: StubPlatform, folder: Path) -> PlatformAccess:
    endpoints = Endpoints.from_file(stub.endpoints(folder))
    return PlatformAccess(endpoints=endpoints, target=stub.url, model="wine")


def test_expectations_come_from_the_run_that_trained_the_served_model(tmp_path: Path) -> None:
    with stub_platform() as stub:
        found = access(stub, tmp_path).read_expectations()
    assert found == Expectations(digest=DIGEST, rows=ROWS, probabilities=PROBABILITIES)
    assert stub.requests == ["GET wine-models /v2/models/wine", "GET mlflow /get-artifact"]


def test_given_expectations_are_used_without_a_request(tmp_path: Path) -> None:
    given = Expectations(digest="a", rows=[[1.0]], probabilities=[[1.0]])
    with stub_platform() as stub:
        assert replace(access(stub, tmp_path), expected=given).read_expectations() is given
    assert stub.requests == []


def test_a_candidate_has_a_host_of_its_own(tmp_path: Path) -> None:
    with stub_platform() as stub:
        assert access(stub, tmp_path).model_host == "wine-models.stub.local"
        candidate = replace(access(stub, tmp_path), service="wine-v7")
    assert candidate.model_host == "wine-v7-models.stub.local"


def test_a_refusal_and_no_answer_are_one_line_each(tmp_path: Path) -> None:
    with stub_platform() as stub:
        asked = access(stub, tmp_path)
        with pytest.raises(LoadtestError, match=r"GET host/nothing: HTTP 404: .*nothing") as refused:
            asked.call("GET", "host", "/nothing")
        assert "\n" not in str(refused.value)
    with pytest.raises(LoadtestError, match=r"no answer \(ConnectionError\); is the platform up\?"):
        asked.call("GET", "host", "/nothing")
