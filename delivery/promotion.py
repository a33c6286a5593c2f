"""Tags, promotes or withdraws a candidate model version."""

from collections.abc import Mapping
from typing import Final

from delivery.candidate import Candidate
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.inference_client import InferenceClient
from workloads.serving.inference_service import copy_under_name
from workloads.serving.inference_services import InferenceServices, version_of
from workloads.tracking import connect
from workloads.wait import wait

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


def promote(endpoints: Endpoints, candidate: Candidate) -> None:
    """Roll a candidate out as its model, alias it champion, and delete its own InferenceService.

    The alias moves after the rollout, so it never names a version that is not being served.
    """
    services = InferenceServices(endpoints)
    service = services.get(candidate.service)
    if service is None:
        raise WorkloadsError(f"model {candidate.model_name}: its candidate is gone; nothing is promoted")
    services.create_or_patch(copy_under_name(service, candidate.model_name, version_of(service)))
    predictor = InferenceClient(endpoints, candidate.model_name, timeout_seconds=10)

    def served_digest() -> str:
        try:
            return predictor.properties().get("model_digest", "no digest")
        except WorkloadsError as error:
            return str(error)

    wait(
        f"model {candidate.model_name}: version {candidate.version} to answer",
        served_digest,
        ready=lambda digest: digest == candidate.digest,
        timeout_seconds=_ROLLOUT_SECONDS,
        # Pods of the previous version answer until they are gone.
        successes=5,
        interval_seconds=0.5,
    )
    connect(endpoints).set_registered_model_alias(candidate.model_name, CHAMPION, candidate.version)
    withdraw(endpoints, candidate)


def withdraw(endpoints: Endpoints, candidate: Candidate) -> None:
    """Delete a candidate's InferenceService; its version stays registered."""
    InferenceServices(endpoints).delete(candidate.service)
