"""Endpoints from the outputs of a stack."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.platforms import OUTPUTS
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError


def test_outputs_give_the_host_of_everything() -> None:
    found = Endpoints.parse(json.dumps({**OUTPUTS, "prometheus_url": "an output that workloads do not read"}))
    assert found.model_host("wine") == "wine-models.plinth.localhost"
    assert found.pipelines_host == "pipelines.plinth.localhost"
    assert found.tracking_host == "mlflow.plinth.localhost"
    assert found.objects_host == "objects.plinth.localhost"
    assert found.prometheus_host == "prometheus.plinth.localhost"


@pytest.mark.parametrize("text", ["{}", "[]", json.dumps({**OUTPUTS, "gateway_url": 5})])
def test_outputs_that_lack_something_are_refused_with_its_name(text: str) -> None:
    with pytest.raises(WorkloadsError, match=r"no .*gateway_url.* among the stack's outputs; run `make up`"):
        Endpoints.parse(text)


def test_outputs_that_are_no_json_are_refused() -> None:
    with pytest.raises(WorkloadsError, match="endpoints: not JSON"):
        Endpoints.parse("Updating...")


def test_a_file_of_outputs_is_read_and_a_missing_one_named(tmp_path: Path) -> None:
    file = tmp_path / "outputs.json"
    with pytest.raises(WorkloadsError, match=r"outputs\.json: does not exist"):
        Endpoints.from_file(file)
    file.write_text(json.dumps(OUTPUTS))
    assert Endpoints.from_file(file).gateway_url == "http://127.0.0.1:31234"


def test_a_stack_without_outputs_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert command[1:] == ["-m", "infra", "outputs", "--stack", "dev"]
        return subprocess.CompletedProcess(command, 1, "", "error: the cluster does not answer: start it\n")

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(WorkloadsError, match=r"^stack dev: .* \(the cluster does not answer: start it\)"):
        Endpoints.of_stack("dev")


@pytest.mark.parametrize(
    ("gateway_url", "expected"),
    [
        ("http://127.0.0.1:31234", "http://localhost:31234"),
        ("http://127.0.0.1", "http://localhost:80"),
        ("https://127.0.0.1:31234", "https://localhost:31234"),
        ("https://127.0.0.1", "https://localhost:443"),
    ],
)
def test_localhost_has_the_port_of_the_gateway(gateway_url: str, expected: str) -> None:
    assert Endpoints(**{**OUTPUTS, "gateway_url": gateway_url}).localhost_url == expected


def test_a_team_has_hosts_namespaces_and_a_bucket_of_its_own() -> None:
    own = {
        "pipelines_namespace": "research",
        "models_namespace": "research",
        "pipelines_bucket": "pipelines-research",
    }
    found = Endpoints.parse(json.dumps({**OUTPUTS, "team_research": own}), "research")
    assert found.pipelines_host == "pipelines-research.plinth.localhost"
    assert found.prometheus_host == "prometheus-research.plinth.localhost"
    assert found.model_host("wine") == "wine-research.plinth.localhost"
    assert (found.pipelines_namespace, found.pipelines_bucket) == ("research", "pipelines-research")
    assert found.tracking_host == "mlflow-research.plinth.localhost"


def test_a_team_that_the_stack_does_not_have_is_named_with_those_that_it_has() -> None:
    text = json.dumps({**OUTPUTS, "team_research": {}, "team_applied": {}})
    with pytest.raises(WorkloadsError, match=r"team serving: .*; it has teams: applied, research"):
        Endpoints.parse(text, "serving")
    with pytest.raises(WorkloadsError, match="it has teams: none"):
        Endpoints.parse(json.dumps(OUTPUTS), "serving")


def test_without_a_gateway_models_have_an_address_of_their_own() -> None:
    local = Endpoints(**{**OUTPUTS, "local_model_url": "http://127.0.0.1:5002"})
    assert local.url(local.tracking_host) == local.gateway_url
    assert local.url(local.model_host("wine")) == "http://127.0.0.1:5002"
