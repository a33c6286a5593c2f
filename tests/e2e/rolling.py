"""Rollouts that tests ask for, and the versions that they roll out."""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from harness import chain
from workloads import lineage
from workloads.endpoints import Endpoints
from workloads.serving.deployment import deploy_version, registered_version
from workloads.serving.inference_service import copy_under_name, version_service
from workloads.serving.inference_services import InferenceServices, version_of
from workloads.serving.model_rollout import ENDED, Phase, rollout_phase, rollout_reason
from workloads.serving.model_rollouts import ModelRollouts
from workloads.tracking import connect

MODEL = "wine"
# As good as the default's, and close enough that each answers recent requests as the others do.
_REGULARIZATIONS = (3.0, 1.5)
_STEPS = [{"weight": 5, "seconds": 6}, {"weight": 25, "seconds": 6}, {"weight": 50, "seconds": 10}]


def serving(endpoints: Endpoints) -> str:
    """Return the version that gets every request."""
    (version,) = InferenceServices(endpoints).weights(MODEL)
    return version


def row_of(endpoints: Endpoints) -> list[float]:
    """Return a row that callers send."""
    served = lineage.trace(endpoints, MODEL).served
    return lineage.read_held_back(endpoints, served.mlflow_run_id).rows[0]


def other_version(endpoints: Endpoints) -> str:
    """Return a version as good as the one that serves, with other files; it is trained unless it is there."""
    mlflow = connect(endpoints)
    served = lineage.trace(endpoints, MODEL).served
    training: Any = mlflow.get_run(served.mlflow_run_id)
    now = float(training.data.params["regularization"])
    wanted = next(each for each in _REGULARIZATIONS if each != now)
    for each in mlflow.search_model_versions(f"name = '{MODEL}'", max_results=1000):
        if not each.run_id or "faulty" in each.tags or each.tags.get("data.sha256") != served.data_sha256:
            continue
        params: Any = mlflow.get_run(str(each.run_id)).data.params
        if params.get("family") == "linear" and float(params.get("regularization", "nan")) == wanted:
            return str(each.version)
    chain.run(endpoints, MODEL, regularization=wanted, candidate=True)
    return str(max(chain.versions(endpoints, MODEL)))


def roll_out(endpoints: Endpoints, version: str, digest: str, **options: Any) -> str:
    """Ask for a rollout, in three steps by default, and return its name."""
    steps = options.pop("steps", _STEPS)
    return ModelRollouts(endpoints).create(
        MODEL, version, digest, reason="test", steps=steps, options={"bakeSeconds": 10, **options}
    )


def digest_of(endpoints: Endpoints, version: str) -> str:
    """Return the digest of a registered version."""
    return registered_version(endpoints, MODEL, version).model_digest


def begin(endpoints: Endpoints, version: str, **options: Any) -> str:
    """Ask for a rollout of a registered version, then deploy it, as the command line does; return its name.

    In this order: the controller deletes a version that served once and that no rollout needs.
    """
    name = roll_out(endpoints, version, digest_of(endpoints, version), **options)
    deploy_version(endpoints, MODEL, version)
    return name


def kept(endpoints: Endpoints, version: str) -> Callable[[], None]:
    """Deploy a version, and return what deploys it again while there is no registry to read it from."""
    deploy_version(endpoints, MODEL, version)
    services = InferenceServices(endpoints)
    found = services.get(version_service(MODEL, version))
    assert found is not None
    body = copy_under_name(found, version_service(MODEL, version), version_of(found))
    return lambda: services.create_or_patch(body)


def ended(endpoints: Endpoints, name: str, seconds: float = 240) -> dict[str, Any]:
    """Return a rollout once it has ended."""
    return ModelRollouts(endpoints).wait(name, ENDED, timeout_seconds=seconds)


@contextmanager
def followed(endpoints: Endpoints, name: str) -> Generator[list[tuple[float, dict[str, Any]]]]:
    """Look at a rollout each second until the block ends, and once more then.

    Yields:
        What was seen so far: seconds since the block began, the rollout.
    """
    rolling, began, over = ModelRollouts(endpoints), time.monotonic(), threading.Event()
    seen: list[tuple[float, dict[str, Any]]] = []

    def look() -> None:
        seen.append((time.monotonic() - began, rolling.get(name)))

    def follow() -> None:
        while not over.wait(1):
            look()

    look()
    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    try:
        yield seen
    finally:
        over.set()
        follower.join(timeout=30)
    look()


def serve(endpoints: Endpoints, version: str) -> None:
    """Let a version serve at once, unless it does."""
    end_what_is_under_way(endpoints)
    if {*InferenceServices(endpoints).weights(MODEL)} == {version}:
        return
    rollout = ended(endpoints, begin(endpoints, version, steps=[], shadowRows=0))
    assert rollout_phase(rollout) is Phase.PROMOTED, rollout_reason(rollout)


@contextmanager
def serving_again(endpoints: Endpoints) -> Generator[str]:
    """Give the version that serves, and let it serve again at the end."""
    version = serving(endpoints)
    try:
        yield version
    finally:
        serve(endpoints, version)


def end_what_is_under_way(endpoints: Endpoints) -> None:
    """End what a test that was interrupted has left: one rollout of a model is under way at a time."""
    rolling = ModelRollouts(endpoints)
    for each in rolling.of_model(MODEL):
        if rollout_phase(each) not in ENDED:
            rolling.abort(each["metadata"]["name"])
            rolling.wait(each["metadata"]["name"], ENDED, timeout_seconds=60)
