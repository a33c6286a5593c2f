"""What becomes of a candidate, and in which order."""

from typing import Any

import pytest
from kubernetes import client, config

from delivery import promotion
from delivery.promotion import Candidate
from workloads import lineage
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.inference_client import InferenceClient
from workloads.serving.inference_service import inference_service

ENDPOINTS = Endpoints(**dict.fromkeys(Endpoints.__dataclass_fields__, "models"))
CANDIDATE = Candidate(model_name="wine", version="7", digest="d7", mlflow_run_id="r7", pipeline_run_id="p7")


def service(name: str) -> dict[str, Any]:
    said = {
        "model-name": "wine",
        "model-version": "7",
        "model-digest": "d7",
        "mlflow-run-id": "r7",
        "pipeline-run-id": "p7",
    }
    made = inference_service(
        name,
        "models",
        storage_uri="s3://mlflow/7",
        runtime="mlflow-abc",
        service_account="model-storage",
        annotations={f"plinth.dev/{key}": value for key, value in said.items()},
    )
    # What the API server adds, and must not be sent back.
    made["metadata"] |= {"uid": "u", "resourceVersion": "1", "managedFields": []}
    made["metadata"]["annotations"]["kubectl.kubernetes.io/other"] = "x"
    made["status"] = {"conditions": []}
    return made


class Platform:
    """Inference services and aliases, and what happened to them in order."""

    def __init__(self) -> None:
        self.services = {"wine-candidate": service("wine-candidate"), "wine": service("wine")}
        self.aliases: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.log: list[str] = []
        self.digests = ["d6", "d7"]

    def patch(self, *_: Any, name: str, body: dict[str, Any], **__: Any) -> None:
        self.log.append(f"patch {name}")
        self.services[name] = body

    def create(self, *_: Any, body: dict[str, Any], **__: Any) -> None:
        self.log.append(f"create {body['metadata']['name']}")
        self.services[body["metadata"]["name"]] = body

    def delete(self, *_: Any, name: str, **__: Any) -> None:
        self.log.append(f"delete {name}")
        if self.services.pop(name, None) is None:
            raise client.ApiException(status=404)

    def properties(self) -> dict[str, str]:
        digest = self.digests.pop(0) if len(self.digests) > 1 else self.digests[0]
        if not digest:
            raise WorkloadsError("model wine: HTTP 503")
        self.log.append(f"answers {digest}")
        return {"model_digest": digest}

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        self.log.append(f"{alias} {name} {version}")
        self.aliases[alias] = version

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        self.tags[f"{name}/{version}/{key}"] = value


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Platform:
    found = Platform()
    monkeypatch.setattr(config, "new_client_from_config", lambda _: client.ApiClient())
    for verb in ("patch", "create", "delete"):
        name = f"{verb}_namespaced_custom_object"
        monkeypatch.setattr(client.CustomObjectsApi, name, getattr(found, verb))
    monkeypatch.setattr(lineage, "inference_service", lambda _, name: found.services.get(name))
    monkeypatch.setattr(InferenceClient, "properties", lambda _: found.properties())
    monkeypatch.setattr(promotion, "connect", lambda _: found)
    return found


def test_a_candidate_says_itself_which_version_it_is(platform: Platform) -> None:
    assert promotion.candidate_of(ENDPOINTS, "wine") == CANDIDATE
    platform.services.clear()
    with pytest.raises(WorkloadsError, match="model wine: has no candidate"):
        promotion.candidate_of(ENDPOINTS, "wine")


def test_the_alias_moves_only_when_the_version_answers_and_the_candidate_goes_last(
    platform: Platform,
) -> None:
    promotion.promote(ENDPOINTS, CANDIDATE)
    answers = [line for line in platform.log if line.startswith("answers")]
    assert platform.log == ["patch wine", *answers, "champion wine 7", "delete wine-candidate"]
    assert answers == ["answers d6", *["answers d7"] * 5]
    assert set(platform.services) == {"wine"}


def test_a_model_that_was_never_served_is_served_now(platform: Platform) -> None:
    del platform.services["wine"]
    promotion.promote(ENDPOINTS, CANDIDATE)
    assert platform.log[0] == "create wine"


def test_a_version_that_does_not_answer_does_not_become_champion(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.digests = [""]
    monkeypatch.setattr(promotion, "_CHANGE_SECONDS", 0)
    with pytest.raises(
        WorkloadsError, match="version 7 to answer: not within 0 s; last seen: model wine: HTTP 503"
    ):
        promotion.promote(ENDPOINTS, CANDIDATE)
    assert platform.aliases == {}
    assert "wine-candidate" in platform.services


def test_a_candidate_that_is_gone_is_not_promoted(platform: Platform) -> None:
    del platform.services["wine-candidate"]
    with pytest.raises(WorkloadsError, match="nothing is promoted"):
        promotion.promote(ENDPOINTS, CANDIDATE)
    assert platform.log == []


def test_a_refused_candidate_goes_and_the_model_stays_as_it_was(platform: Platform) -> None:
    before = dict(platform.services)
    promotion.withdraw(ENDPOINTS, CANDIDATE)
    promotion.withdraw(ENDPOINTS, CANDIDATE)
    assert platform.services == {"wine": before["wine"]}
    assert platform.aliases == {}


def test_a_model_is_served_as_its_candidate_was_under_its_own_name() -> None:
    made = promotion.as_model(service("wine-candidate"), "wine")
    assert set(made) == {"apiVersion", "kind", "metadata", "spec"}
    assert set(made["metadata"]) == {"name", "namespace", "labels", "annotations"}
    assert made["metadata"]["name"] == made["metadata"]["labels"]["app.kubernetes.io/instance"] == "wine"
    assert "kubectl.kubernetes.io/other" not in made["metadata"]["annotations"]
    assert made["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] == "none"
    assert made["spec"] == service("wine-candidate")["spec"]


def test_tags_are_cut_to_what_the_registry_takes(platform: Platform) -> None:
    promotion.write_tags(ENDPOINTS, CANDIDATE, {"load.verdict": "failed", "load.reasons": "x" * 9000})
    assert platform.tags["wine/7/load.verdict"] == "failed"
    assert len(platform.tags["wine/7/load.reasons"]) == 5000
