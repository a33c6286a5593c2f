"""The controller's requests to MLflow's own server: the record of a rollout is the artifact of a run."""

import json
from collections.abc import Generator
from pathlib import Path

import mlflow
import pytest

from delivery.rollouts import registry
from delivery.rollouts.registry import Registry
from tests.fixtures.mlflow_servers import mlflow_server
from tests.fixtures.rollout_records import record


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    with pytest.MonkeyPatch.context() as patched, mlflow_server(tmp_path_factory.mktemp("mlflow")) as url:
        patched.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        # The controller gives up early, and tries again; here the machine may be busy.
        patched.setattr(registry, "_SECONDS", 60)
        mlflow.set_tracking_uri(url)
        yield url


def test_a_record_is_written_once_and_found_by_its_rollout(server: str) -> None:
    own = Registry(server)
    assert own.keep(record())
    # A controller that starts again, and has another tale to tell.
    assert Registry(server).keep(record(because="another tale"))
    client = mlflow.MlflowClient(server, server)
    experiment = client.get_experiment_by_name("wine")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id], "tags.`rollout.name` = 'wine-v7-a'")
    assert (run.info.run_name, run.info.status) == ("rollout", "FINISHED")
    assert run.data.tags["rollout.ended"] == "Promoted"
    kept = client.download_artifacts(run.info.run_id, "rollout.json")
    assert json.loads(Path(kept).read_text()) == json.loads(record().text())


def test_a_record_that_was_cut_off_is_completed(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Registry(server)
    made = record(model="cut", rollout="cut-v7-a")
    with monkeypatch.context() as cut:
        # The run is created, and its artifact never written.
        cut.setattr(own._session, "put", lambda *_, **__: (_ for _ in ()).throw(ValueError))  # pyright: ignore[reportPrivateUsage]
        assert not own.keep(made)
    assert own.keep(made)
    client = mlflow.MlflowClient(server, server)
    experiment = client.get_experiment_by_name("cut")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert [each.path for each in client.list_artifacts(run.info.run_id)] == ["rollout.json"]


def test_a_deleted_experiment_does_not_hold_up_the_controller(
    server: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = mlflow.MlflowClient(server, server)
    client.delete_experiment(client.create_experiment("gone"))
    assert Registry(server).keep(record(model="gone"))
    assert "its record is no artifact" in caplog.text


def test_a_version_that_is_not_registered_needs_no_tag_and_a_registered_one_has_it(server: str) -> None:
    own = Registry(server)
    assert own.tag(record(version="1"))
    client = mlflow.MlflowClient(server, server)
    client.create_registered_model("wine")
    made = str(client.create_logged_model("0").model_id)
    client.create_model_version("wine", f"models:/{made}", model_id=made)
    assert own.tag(record(version="1"))
    tags = client.get_model_version("wine", "1").tags
    assert tags == {"rollout.wine-v7-a": record(version="1").text()}
