"""Copies of model versions between MLflow servers: the same bytes, and the runs that made them.

MLflow's own way to log a model writes a new MLmodel file, and so another model. Here its files are copied as
they are.
"""

# mlflow ships no complete types.
# pyright: basic, reportPrivateImportUsage=false

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import requests

from workloads.errors import WorkloadsError
from workloads.retraining.records import PREFIX as RETRAINING
from workloads.serving.artifacts import model_digest
from workloads.serving.rollout_record import EXPERIMENT, RECORD

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run

PROMOTED: Final = "promoted."
"""What the names of tags begin with that say where a version was promoted from."""
_MODEL: Final = "models:/"
_DIGEST: Final = "model.digest"
_GATE_RUN: Final = "gate.run_id"
_NEEDED: Final = (_DIGEST, _GATE_RUN, "data.sha256", "kfp.pipeline_run_id")
# MLflow's own limit for one request.
_AT_ONCE: Final = 100
# A search is not copied, only what it found.
_LEFT_BEHIND: Final = ("mlflow.", "search.run_id")
# What has happened to it there is evidence, but has not happened at the target.
_HAPPENED: Final = (RECORD, EXPERIMENT, RETRAINING)


@dataclass(frozen=True, kw_only=True)
class RunCopy:
    """A run of MLflow, with its files on this machine."""

    run: Run
    folder: Path


@dataclass(frozen=True, kw_only=True)
class VersionCopy:
    """A registered version of a model, with its files on this machine."""

    model_name: str
    version: str
    digest: str
    """Digest of its files, as registered and as found."""
    tags: Mapping[str, str]
    model: LoggedModel
    files: Path
    training: RunCopy
    evaluation: RunCopy


def fetch(client: MlflowClient, model_name: str, version: str, folder: Path) -> VersionCopy:
    """Download a version and the runs that trained and evaluated it.

    Args:
        client: Client of the MLflow that has it; the tracking URI of this process must be the same.
        model_name: The registered model.
        version: Its number.
        folder: Where to put the files.

    Raises:
        WorkloadsError: it is not registered, not by a pipeline of the platform, its files are not those that
            were registered, or MLflow does not answer.
    """
    what = f"model {model_name}: version {version}"
    with _in_one_line(f"{what} is not to be had from the source"):
        found = client.get_model_version(model_name, version)
        missing = [key for key in _NEEDED if key not in found.tags]
        if missing:
            raise WorkloadsError(
                f"{what} has no tag {', '.join(missing)}: no pipeline of the platform has registered it"
            )
        # The registry keeps the model's id as the source alone.
        model = client.get_logged_model(str(found.source).removeprefix(_MODEL))
        files = _download(str(model.artifact_location), folder / "model")
        digest = model_digest(files)
        if digest != found.tags[_DIGEST]:
            raise WorkloadsError(
                f"{what} has files with digest {digest}, not {found.tags[_DIGEST]} as registered: "
                "somebody changed them; nothing is promoted"
            )
        return VersionCopy(
            model_name=model_name,
            version=str(found.version),
            digest=digest,
            tags=dict(found.tags),
            model=model,
            files=files,
            training=_fetch_run(client, str(found.run_id), folder / "training"),
            evaluation=_fetch_run(client, found.tags[_GATE_RUN], folder / "evaluation"),
        )


def store(client: MlflowClient, copy: VersionCopy, origin: str) -> str:
    """Register a copy as a new version, and return its number; it is no version before its files are proven.

    Args:
        client: Client of the MLflow that gets it; the tracking URI of this process must be the same.
        copy: What to register.
        origin: Where it is from, for people.

    Raises:
        WorkloadsError: a version with these files exists, they arrive changed, or MLflow does not answer.
    """
    with _in_one_line(f"model {copy.model_name}: is not promoted to the target"):
        known = client.search_model_versions(f"name = '{copy.model_name}'", max_results=1000)
        same = [str(each.version) for each in known if each.tags.get(_DIGEST) == copy.digest]
        if same:
            raise WorkloadsError(
                f"model {copy.model_name}: the target has these files already, as version {same[0]}; "
                f"`python -m workloads rollout {copy.model_name} {same[0]}` serves it there"
            )
        with ExitStack() as undo:
            made = _store(client, copy, origin, undo)
            undo.pop_all()
        return made


def _store(client: MlflowClient, copy: VersionCopy, origin: str, undo: ExitStack) -> str:
    name, training = copy.model_name, copy.training
    from_there = {f"{PROMOTED}from": origin}
    found = client.get_experiment_by_name(name)
    experiment = found.experiment_id if found else client.create_experiment(name)
    trained = _create_run(client, experiment, training, from_there, undo)
    model: Any = client.create_logged_model(
        experiment,
        name=copy.model.name,
        source_run_id=trained,
        tags={**_own(copy.model.tags), **from_there},
        params=copy.model.params,
        model_type=copy.model.model_type,
    )
    undo.callback(client.delete_logged_model, model.model_id)
    client.log_model_artifacts(model.model_id, str(copy.files))
    _refuse_changed(model.artifact_location, copy)
    client.finalize_logged_model(model.model_id, "READY")
    child = {**from_there, "mlflow.parentRunId": trained}
    evaluated = _create_run(client, experiment, copy.evaluation, child, undo, model_id=model.model_id)
    tags = {
        **{key: value for key, value in copy.tags.items() if not key.startswith((*_HAPPENED, *_LEFT_BEHIND))},
        **{f"{PROMOTED}{key}": value for key, value in copy.tags.items() if key.startswith(_HAPPENED)},
        **from_there,
        f"{PROMOTED}run_id": training.run.info.run_id,
        f"{PROMOTED}digest": copy.digest,
        _GATE_RUN: evaluated,
    }
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    # By the model's id MLflow knows the run that made it.
    made = client.create_model_version(name, f"{_MODEL}{model.model_id}", tags=tags, model_id=model.model_id)
    return str(made.version)


def _refuse_changed(location: str, copy: VersionCopy) -> None:
    with tempfile.TemporaryDirectory() as folder:
        arrived = model_digest(_download(location, Path(folder)))
    if arrived != copy.digest:
        raise WorkloadsError(
            f"model {copy.model_name}: its files arrived at the target with digest {arrived}, not "
            f"{copy.digest}; nothing is registered there"
        )


def _fetch_run(client: MlflowClient, run_id: str, folder: Path) -> RunCopy:
    run = client.get_run(run_id)
    has_files = bool(client.list_artifacts(run_id))
    folder.mkdir()
    return RunCopy(run=run, folder=_download(str(run.info.artifact_uri), folder) if has_files else folder)


def _create_run(
    client: MlflowClient,
    experiment: str,
    copy: RunCopy,
    tags: Mapping[str, str],
    undo: ExitStack,
    *,
    model_id: str | None = None,
) -> str:
    """Create a run like another one, and return its id; the times of its metrics are those of its end."""
    from mlflow.entities import Metric, Param

    info, data = copy.run.info, copy.run.data
    own = {**_own(data.tags), **tags}
    run_id = client.create_run(experiment, info.start_time, own, run_name=info.run_name).info.run_id
    undo.callback(client.delete_run, run_id)
    at = info.end_time or info.start_time
    for some in _slices(data.params.items()):
        client.log_batch(run_id, params=[Param(key, value) for key, value in some])
    for some in _slices(data.metrics.items()):
        metrics = [Metric(key, value, at, 0, model_id=model_id) for key, value in some]
        client.log_batch(run_id, metrics)
    if copy.run.inputs and copy.run.inputs.dataset_inputs:
        client.log_inputs(run_id, copy.run.inputs.dataset_inputs)
    if any(copy.folder.iterdir()):
        client.log_artifacts(run_id, str(copy.folder))
    client.set_terminated(run_id, info.status, at)
    return run_id


def _own(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if not key.startswith(_LEFT_BEHIND)}


def _slices(items: Iterable[Any]) -> Iterable[tuple[Any, ...]]:
    left = iter(items)
    return iter(lambda: tuple(itertools.islice(left, _AT_ONCE)), ())


def _download(location: str, folder: Path) -> Path:
    """Download a folder; by its location, as for models:/ID MLflow adds a file that is not stored."""
    from mlflow import artifacts

    folder.mkdir(exist_ok=True)
    return Path(artifacts.download_artifacts(artifact_uri=location, dst_path=str(folder)))


@contextmanager
def _in_one_line(what: str) -> Generator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, requests.RequestException, OSError) as error:
        raise WorkloadsError(f"{what} ({' '.join(str(error).split())[:200]})") from None
