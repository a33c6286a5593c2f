"""In every workspace the identifier 0 is its own default experiment."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import team_stores
from mlflow.entities import TraceInfo, TraceLocation, TraceState, Workspace
from mlflow.server.handlers import TrackingStoreRegistryWrapper
from mlflow.store.tracking.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore
from mlflow.store.workspace.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils.workspace_context import WorkspaceContext

WORKSPACES = ("default", "research", "applied")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A store with two workspaces besides the first."""
    folder: Path = tmp_path_factory.mktemp("tracking")
    uri = f"sqlite:///{folder}/mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
        made = team_stores.tracking_store(uri, "mlflow-artifacts:/")
        workspaces = SqlAlchemyStore(uri)
        for name in WORKSPACES[1:]:
            workspaces.create_workspace(Workspace(name=name, description=""))
        yield made


def _run(store: Any) -> Any:
    return store.create_run("0", "user", 0, [], "run").info


def test_a_run_without_an_experiment_is_in_the_default_one_of_its_workspace(store: Any) -> None:
    used: set[str] = set()
    for name in WORKSPACES:
        with WorkspaceContext(name):
            first, second = _run(store), _run(store)
            assert first.experiment_id == second.experiment_id
            assert store.get_experiment("0").name == "Default"
            assert f"/workspaces/{name}/" in first.artifact_uri
            found = {each.info.run_id for each in store.search_runs(["0"], "", 1)}
            assert found == {first.run_id, second.run_id}
            used.add(str(first.experiment_id))
    assert len(used) == len(WORKSPACES)
    assert "0" in used


def test_models_and_traces_without_an_experiment_too(store: Any) -> None:
    for name in WORKSPACES:
        with WorkspaceContext(name):
            own = store.get_experiment("0").experiment_id
            assert str(store.create_logged_model("0").experiment_id) == own
            trace = TraceInfo(
                trace_id=f"tr-{name}",
                trace_location=TraceLocation.from_experiment_id("0"),
                request_time=0,
                state=TraceState.OK,
            )
            assert str(store.start_trace(trace).experiment_id) == own
            found, _ = store.search_traces(locations=["0"])
            assert [each.trace_id for each in found] == [f"tr-{name}"]


def test_an_experiment_of_another_workspace_does_not_exist(store: Any) -> None:
    with WorkspaceContext("research"):
        other = store.create_experiment("of research")
    with WorkspaceContext("applied"), pytest.raises(Exception, match=f"No Experiment with id={other} exists"):
        store.create_run(other, "user", 0, [], "run")


def test_every_public_call_that_takes_an_experiment_is_translated() -> None:
    from default_experiments import DefaultExperiments

    for name, method in inspect.getmembers(WorkspaceAwareSqlAlchemyStore, inspect.isfunction):
        if {"experiment_id", "experiment_ids"} & {*inspect.signature(method).parameters} and name[0] != "_":
            assert getattr(DefaultExperiments, name) is not method, name


def test_mlflow_opens_it_for_the_servers_database() -> None:
    builder = TrackingStoreRegistryWrapper().get_store_builder("postgresql+psycopg://a:b@c/d")
    assert builder is team_stores.tracking_store


def test_the_server_opens_it_as_its_own_client_with_its_root_of_artifacts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", "mlflow-artifacts:/")
    made = team_stores.tracking_store(f"sqlite:///{tmp_path}/mlflow.db")
    with WorkspaceContext("default"):
        made.create_experiment("one")
        location = made.get_experiment_by_name("one").artifact_location
    assert location.startswith("mlflow-artifacts:/workspaces/default/")
