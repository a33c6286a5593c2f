"""A version registered in one MLflow serves from another one: two servers, and a stub of the target."""

import json
import os
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import mlflow
import pytest

from tests.fixtures.mlflow_servers import mlflow_server
from tests.fixtures.platforms import OUTPUTS
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from tests.unit.workloads.steps.trained import register_wine
from workloads import __main__ as command
from workloads.contract import StepVariable

_CONFIG = "/api/v1/namespaces/runs/configmaps/plinth-endpoints"
_PACKAGES = {name: version(name) for name in ("mlflow", "numpy", "scikit-learn", "skops")}
_FAMILIES = [{"family": "default", "runtime": "mlflow-abc", "packages": _PACKAGES}]
_PREDICT = """
import mlflow, sys
from sklearn.datasets import load_wine
answers = mlflow.pyfunc.load_model("models:/wine/1").predict(load_wine(return_X_y=True)[0])
print([[value.hex() for value in row] for row in answers.tolist()])
"""


@dataclass(frozen=True)
class Platforms:
    """Two MLflow servers, and the Kubernetes API of the second one's platform."""

    source: str
    target: str
    cluster: StubCluster
    folder: Path

    def outputs(self, url: str) -> str:
        """Return the file with the outputs of a platform."""
        file = self.folder / f"{url.rpartition(':')[2]}.json"
        outputs = {**OUTPUTS, "gateway_url": url, "kubeconfig": str(self.cluster.kubeconfig)}
        file.write_text(json.dumps(outputs))
        return str(file)

    def promote(self, *arguments: str, source: str = "", target: str = "") -> int:
        """Run the command."""
        place = ["--endpoints", self.outputs(source or self.source)]
        place += ["--to-endpoints", self.outputs(target or self.target)]
        return command.main(["promote", *arguments, *place])


@pytest.fixture(scope="module")
def platforms(tmp_path_factory: pytest.TempPathFactory) -> Generator[Platforms]:
    """A source that has version 1 of wine, and a target that has nothing."""
    folders = [tmp_path_factory.mktemp(name) for name in ("source", "target", "cluster")]
    with (
        mlflow_server(folders[0]) as source,
        mlflow_server(folders[1]) as target,
        stub_cluster(folders[2]) as cluster,
        pytest.MonkeyPatch.context() as environment,
    ):
        # What the code adds to it is gone afterwards.
        environment.setattr(os, "environ", {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"})
        for name in ("KFP_RUN_ID", "KFP_TASK", "KFP_POD_NAME"):
            os.environ[name] = name.lower()
        os.environ["PLINTH_ARTIFACTS_DESTINATION"] = "s3://mlflow"
        mlflow.set_tracking_uri(source)
        mlflow.set_registry_uri(source)
        register_wine(folders[0])
        # As in a program that sets no registry: it is where the tracking is.
        mlflow.set_registry_uri("")
        data = {
            StepVariable.MODELS_SERVICE_ACCOUNT: "model-storage",
            StepVariable.SERVING_RUNTIMES: json.dumps(_FAMILIES),
        }
        cluster.add(_CONFIG, {"data": data})
        cluster.on_create = lambda _, stored: stored.update(status={"phase": "Paused", "reason": "waits"})
        yield Platforms(source, target, cluster, folders[2])


def _answers(url: str) -> str:
    """Return what a plain client of an MLflow predicts with version 1, to the last bit."""
    done = subprocess.run(
        [sys.executable, "-c", _PREDICT],
        env={**os.environ, "MLFLOW_TRACKING_URI": url, "MLFLOW_REGISTRY_URI": url},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_version_is_served_elsewhere_by_its_own_bytes_once_somebody_approves(
    platforms: Platforms, capsys: pytest.CaptureFixture[str]
) -> None:
    assert platforms.promote("wine", "1", "--reason", "two weeks without a fault") == 0
    there, here = (mlflow.MlflowClient(url, url) for url in (platforms.source, platforms.target))
    old, new = (client.get_model_version("wine", "1") for client in (there, here))
    digest = old.tags["model.digest"]
    assert new.tags["model.digest"] == new.tags["promoted.digest"] == digest
    assert new.run_id not in (None, old.run_id)
    ((name, made),) = platforms.cluster.named("modelrollouts").items()
    assert made["spec"] == {
        "modelName": "wine",
        "version": "1",
        "digest": digest,
        "reason": "promotion of plinth.localhost/wine/1: two weeks without a fault",
    }
    service = platforms.cluster.named("inferenceservices")["wine-v1"]
    source = str(new.source).removeprefix("models:/")
    location = f"s3://mlflow/{_experiment(here)}/models/{source}/artifacts"
    assert service["spec"]["predictor"]["model"]["storageUri"] == location
    assert service["metadata"]["annotations"]["plinth.dev/mlflow-run-id"] == new.run_id
    assert capsys.readouterr().out.splitlines() == [
        f"model      wine version 1, digest {digest}",
        "promoted   as version 1, with the same digest",
        f"rollout {name}",
        "  Paused, 0 % of requests: waits",
    ]
    assert _answers(platforms.target) == _answers(platforms.source)


def _experiment(client: mlflow.MlflowClient) -> str:
    found = client.get_experiment_by_name("wine")
    assert found is not None
    return str(found.experiment_id)


def test_what_cannot_be_promoted_is_one_line_and_changes_nothing(
    platforms: Platforms, capsys: pytest.CaptureFixture[str]
) -> None:
    # After the test above: its files are at the target.
    changes = len(platforms.cluster.changes)
    unreachable = "http://127.0.0.1:9"
    cases = [
        (platforms.promote("wine", "1"), "model wine: the target has these files already, as version 1; "),
        (platforms.promote("wine", "7"), "model wine: version 7 is not to be had from the source (RESOURCE_"),
        (platforms.promote("wine", "v1"), "'v1': is not the number of a version\n"),
        (
            platforms.promote("wine", "1", target=platforms.source),
            "source and target are one MLflow, mlflow.plinth.localhost: give another platform or team\n",
        ),
        (
            platforms.promote("wine", "1", source=unreachable),
            "model wine: version 1 is not to be had from the source (API request to http",
        ),
    ]
    errors = capsys.readouterr().err.splitlines(keepends=True)
    shown = [each for each in errors if each.startswith("error: ")]
    assert [code for code, _ in cases] == [1] * len(cases)
    for (_, reason), line in zip(cases, shown, strict=True):
        assert line.startswith(f"error: {reason}")
    assert len(platforms.cluster.changes) == changes
    client = mlflow.MlflowClient(platforms.target, platforms.target)
    assert len(client.search_model_versions("name = 'wine'")) == 1
