"""Tags, promotes or withdraws a candidate model version."""

from collections.abc import Mapping
from typing import Final

from delivery.candidate import Candidate
from workloads.endpoints import Endpoints
from workloads.serving.inference_services import InferenceServices
from workloads.serving.model_rollout import SERVES
from workloads.serving.model_rollouts import ModelRollouts
from workloads.tracking import connect

CHAMPION: Final = "champion"
_ROLLOUT_SECONDS: Final = 180
# The registry's own limit on the value of a tag.
_TAG_CHARACTERS: Final = 5000


def find_champion(endpoints: Endpoints, model_name: str) -> str | None:
    """Return the version with the alias champion; None if the model or the alias does not exist."""
    mlflow = connect(endpoints)
    known = mlflow.search_registered_models(f"name = '{model_name}'")
    return str(known[0].aliases[CHAMPION]) if known and CHAMPION in known[0].aliases else None


def write_tags(endpoints: Endpoints, candidate: Candidate, tags: Mapping[str, str]) -> None:
    """Tag the model version in the registry; values that are too long for it are cut."""
    mlflow = connect(endpoints)
    for key, value in tags.items():
        mlflow.set_model_version_tag(candidate.model_name, candidate.version, key, value[:_TAG_CHARACTERS])


def promote(endpoints: Endpoints, candidate: Candidate, reason: str) -> None:
    """Let a candidate serve its model at once, and wait until it does; the controller aliases it champion.

    Args:
        endpoints: The platform.
        candidate: What is promoted.
        reason: Why, for the record.

    Raises:
        WorkloadsError: the rollout was refused, rolled back, or not decided in time.
    """
    rollouts = ModelRollouts(endpoints)
    name = rollouts.create(candidate.model_name, candidate.version, candidate.digest, reason=reason, steps=())
    rollouts.wait(name, SERVES, timeout_seconds=_ROLLOUT_SECONDS)


def withdraw(endpoints: Endpoints, candidate: Candidate) -> None:
    """Delete a candidate's InferenceService; its version stays registered. One that serves is left alone."""
    services = InferenceServices(endpoints)
    if not services.weights(candidate.model_name).get(candidate.version):
        services.delete(candidate.service)
