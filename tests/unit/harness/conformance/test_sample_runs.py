from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from kfp.client.token_credentials_base import TokenCredentialsBase
from kfp_server_api import Configuration

from harness.conformance import sample_pipelines, sample_runs
from harness.conformance.sample_pipelines import Sample
from harness.conformance.sample_runs import SampleRuns
from tests.fixtures.platforms import ENDPOINTS
from workloads import pipeline_runs, tokens
from workloads.pipeline_runs import PipelineRun


class _Client:
    """Records what a kfp client is asked for."""

    hosts: ClassVar[list[str]] = []
    authorities: ClassVar[list[str | None]] = []
    credentials: ClassVar[list[TokenCredentialsBase | None]] = []
    submitted: ClassVar[list[tuple[str, dict[str, Any], bool]]] = []
    deleted: ClassVar[list[str]] = []

    def __init__(self, host: str, credentials: TokenCredentialsBase | None, ssl_ca_cert: str | None) -> None:
        self.hosts.append(host)
        self.credentials.append(credentials)
        self.authorities.append(ssl_ca_cert)

    def create_run_from_pipeline_package(
        self, package: str, *, arguments: dict[str, Any], run_name: str, enable_caching: bool
    ) -> SimpleNamespace:
        self.submitted.append((package, arguments, enable_caching))
        return SimpleNamespace(run_id=f"run of {run_name}")

    def delete_run(self, run_id: str) -> None:
        self.deleted.append(run_id)


@pytest.fixture(autouse=True)
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Client]]:
    def ended(_: object, run_id: str, *, timeout_seconds: float) -> PipelineRun:
        return PipelineRun(run_id=run_id, state="SUCCEEDED", reason="", seconds=timeout_seconds, steps=())

    def package(sample: Sample, folder: Path) -> Path:
        file = folder / sample.name
        # After the pipeline, a package may hold settings of the platform.
        file.write_text(f"pipelineInfo: {{name: the-{sample.name}}}\n---\nplatforms: {{}}\n")
        return file

    monkeypatch.setattr(sample_runs.kfp, "Client", _Client)
    monkeypatch.setattr(sample_pipelines, "compile_package", package)
    monkeypatch.setattr(pipeline_runs, "wait_until_finished", ended)
    yield _Client
    _Client.hosts.clear()
    _Client.authorities.clear()
    _Client.credentials.clear()
    _Client.submitted.clear()
    _Client.deleted.clear()


def test_the_client_knows_an_address_and_nothing_else(client: type[_Client], tmp_path: Path) -> None:
    with SampleRuns(ENDPOINTS, [], tmp_path):
        pass
    assert client.hosts == [ENDPOINTS.localhost_url]
    assert client.hosts[0].startswith("http://localhost:")
    assert client.authorities == [None]
    assert client.credentials == [None]


def test_at_a_login_every_request_has_a_token_that_is_valid(
    client: type[_Client], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    issued = iter(["first", "second"])
    monkeypatch.setattr(tokens, "token", lambda _: next(issued))
    with SampleRuns(replace(ENDPOINTS, identity_account="identity/operator"), [], tmp_path):
        pass
    (credentials,) = client.credentials
    assert credentials
    configuration: Any = Configuration(api_key={}, api_key_prefix={"authorization": "Bearer"})
    configuration.refresh_api_key_hook = credentials.refresh_api_key_hook
    sent = [configuration.get_api_key_with_prefix("authorization") for _ in range(2)]
    assert sent == ["Bearer first", "Bearer second"]


def test_with_tls_the_client_also_knows_whom_to_trust(client: type[_Client], tmp_path: Path) -> None:
    with SampleRuns(replace(ENDPOINTS, gateway_authority="/authority.pem"), [], tmp_path):
        pass
    assert client.authorities == ["/authority.pem"]


def test_each_sample_runs_once_and_without_the_cache(client: type[_Client], tmp_path: Path) -> None:
    samples = [Sample(name="first"), Sample(name="second", arguments={"a": 1})]
    with SampleRuns(ENDPOINTS, samples, tmp_path) as runs:
        assert [runs.result(sample).run_id for sample in samples] == [
            "run of the-first first",
            "run of the-second second",
        ]
    assert sorted(client.submitted, key=lambda each: each[0]) == [
        (str(tmp_path / "first"), {}, False),
        (str(tmp_path / "second"), {"a": 1}, False),
    ]


def test_a_run_that_ended_as_it_must_is_deleted_and_another_stays(
    client: type[_Client], tmp_path: Path
) -> None:
    samples = [Sample(name="first"), Sample(name="second", ends="FAILED")]
    with SampleRuns(ENDPOINTS, samples, tmp_path) as runs:
        assert [runs.result(sample).state for sample in samples] == ["SUCCEEDED", "SUCCEEDED"]
    assert client.deleted == ["run of the-first first"]
