"""Rollouts that tests ask for."""

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


def end_what_is_under_way(endpoints: Endpoints) -> None:
    """End what a test that was interrupted has left: one rollout of a model is under way at a time."""
    rolling = ModelRollouts(endpoints)
    for each in rolling.of_model(MODEL):
        if rollout_phase(each) not in ENDED:
            rolling.abort(each["metadata"]["name"])
            rolling.wait(each["metadata"]["name"], ENDED, timeout_seconds=60)
