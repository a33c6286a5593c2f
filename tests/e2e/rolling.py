"""Rollouts that tests ask for."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from workloads.endpoints import Endpoints
from workloads.serving.inference_services import InferenceServices
from workloads.serving.model_rollout import ENDED, rollout_phase
from workloads.serving.model_rollouts import ModelRollouts

MODEL = "wine"
_STEPS = [{"weight": 5, "seconds": 6}, {"weight": 25, "seconds": 6}, {"weight": 50, "seconds": 10}]


def serving(endpoints: Endpoints) -> str:
    """Return the version that gets every request."""
    (version,) = InferenceServices(endpoints).weights(MODEL)
    return version


def roll_out(endpoints: Endpoints, version: str, digest: str, **options: Any) -> str:
    """Ask for a rollout, in three steps by default, and return its name."""
    steps = options.pop("steps", _STEPS)
    return ModelRollouts(endpoints).create(
        MODEL, version, digest, reason="test", steps=steps, options={"bakeSeconds": 10, **options}
    )


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


def end_what_is_under_way(endpoints: Endpoints) -> None:
    """End what a test that was interrupted has left: one rollout of a model is under way at a time."""
    rolling = ModelRollouts(endpoints)
    for each in rolling.of_model(MODEL):
        if rollout_phase(each) not in ENDED:
            rolling.abort(each["metadata"]["name"])
            rolling.wait(each["metadata"]["name"], ENDED, timeout_seconds=60)
