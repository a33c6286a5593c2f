"""The platform of a laptop: its endpoints, what steps get, and its ports."""

import json
import socket
import sys
from pathlib import Path

import pytest

from delivery.rollouts.records import Defaults
from delivery.rollouts.settings import Settings
from simulation.laptop import hold
from workloads.contract import StepVariable
from workloads.serving.artifacts import storage_uri
from workloads.steps.choices import PACKAGES


def test_each_part_is_reached_at_its_own_port(tmp_path: Path) -> None:
    endpoints = hold.endpoints_of(tmp_path, 5001, 5002)
    assert endpoints.url(endpoints.tracking_host) == "http://127.0.0.1:5001"
    assert endpoints.url(endpoints.model_host("wine")) == "http://127.0.0.1:5002"
    assert not endpoints.identity_account


def test_steps_get_every_variable_that_a_platform_gives_and_no_other_mlflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "of somebody else")
    monkeypatch.setenv("KUBECONFIG", "/of/a/real/cluster")
    endpoints = hold.endpoints_of(tmp_path, 5001, 5002)
    found = hold.environment_of(tmp_path, endpoints)
    assert {each.value for each in StepVariable} <= found.keys()
    assert found["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:5001"
    assert found["PLINTH_GATEWAY_URL"] == "http://127.0.0.1:5002"
    assert "MLFLOW_EXPERIMENT_NAME" not in found
    assert found["KUBECONFIG"] == endpoints.kubeconfig == str(tmp_path / "kubeconfig")
    assert found["TMPDIR"] == str(tmp_path)


def test_the_runtimes_hold_what_the_reference_pipeline_needs(tmp_path: Path) -> None:
    found = hold.environment_of(tmp_path, hold.endpoints_of(tmp_path, 1, 2))["PLINTH_SERVING_RUNTIMES"]
    sklearn, boosting = json.loads(found)
    assert (sklearn["family"], boosting["family"]) == ("sklearn", "boosting")
    needed = {"mlflow", "scikit-learn", "numpy", "skops"}
    for runtime, packages in ((sklearn, needed), (boosting, needed | set(PACKAGES.values()))):
        assert runtime["runtime"]
        assert packages <= runtime["packages"].keys()


def test_artifacts_are_translated_to_folders(tmp_path: Path) -> None:
    destination = hold.endpoints_of(tmp_path, 1, 2).artifacts_destination
    assert storage_uri("mlflow-artifacts:/1/models/m/artifacts", destination) == (
        f"file://{tmp_path}/artifacts/1/models/m/artifacts"
    )


def test_ports_differ_and_are_free() -> None:
    ports = hold.free_ports(5)
    assert len(set(ports)) == 5
    for port in ports:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))


def test_the_delivery_controller_knows_the_models_of_the_laptop_and_reads_no_gateway(tmp_path: Path) -> None:
    endpoints = hold.endpoints_of(tmp_path, 5001, 5002)
    interpreter, *command = hold._delivery(tmp_path, endpoints)
    assert interpreter == sys.executable
    assert command == ["-m", "delivery.rollouts", str(tmp_path / "delivery.json")]
    found = Settings.read(tmp_path / "delivery.json")
    assert found.tracking == {"models": "http://127.0.0.1:5001"}
    assert found.model_host("models", "wine") == endpoints.model_host("wine")
    assert found.gateway_pods == ""
    # The one model server answers as whichever version it has.
    assert (
        found.predictor_url.format(service="wine-v7-predictor", namespace="models") == "http://127.0.0.1:5002"
    )
    assert found.defaults == Defaults.from_json({})
