"""Serving: its objectives are the stack's, and its models read artifacts and nothing more."""

import json

from infra.parts import PARTS
from infra.parts.plan import plan
from infra.parts.serving import SERVING, objectives
from infra.settings import reader, stack_file
from tests.fixtures import platform

CLUSTER = {"kind": "kubeconfig", "name": "local"}


def test_objectives_of_the_settings_reach_the_rules() -> None:
    chosen = {"availability": 0.99, "latencySeconds": 0.1, "latencyShare": 0.95}
    settings = reader.parse({"cluster": CLUSTER, "monitoring": {"objectives": chosen}})
    found = objectives(settings)
    assert (found.availability, found.latency_seconds, found.latency_share) == (0.99, 0.1, 0.95)
    assert SERVING.watch
    recorded = SERVING.watch(settings).rules["serving-objectives"]
    assert any('le="0.1"' in each.expression for each in recorded)


def test_the_namespace_of_the_models_is_its_own_to_make_and_is_closed() -> None:
    assert SERVING.own_namespaces(stack_file.settings("local")) == ("models",)
    closed = {
        each.inputs["metadata"]["namespace"]
        for each in platform.stack("local").of_type("NetworkPolicy")
        if each.inputs["metadata"]["name"] == "default-deny"
    }
    assert "models" in closed


def test_its_webhooks_are_served_under_the_host_of_its_certificate() -> None:
    (certificate,) = SERVING.secrets
    service = platform.stack("local").one("Service", "kserve-controller-webhook-service")
    metadata = service.inputs["metadata"]
    assert certificate.host() == f"{metadata['name']}.{metadata['namespace']}.svc"  # pyright: ignore


def _families(**serving: object) -> dict[str, dict[str, object]]:
    settings = reader.parse({"cluster": CLUSTER, "serving": serving})
    registered = platform.deployed(settings)
    (steps,) = [
        each.inputs["data"]["PLINTH_SERVING_RUNTIMES"]
        for each in registered.of_type("ConfigMap")
        if "PLINTH_SERVING_RUNTIMES" in (each.inputs.get("data") or {})
    ][:1]
    return {each["family"]: each for each in json.loads(steps)}


def test_steps_know_the_packages_of_every_family_and_the_runtimes_of_the_chosen_ones() -> None:
    families = _families(runtimes=["boosting"])
    assert list(families) == ["sklearn", "boosting", "onnx"]
    assert str(families["sklearn"]["runtime"]).startswith("mlflow-")
    assert str(families["boosting"]["runtime"]).startswith("mlflow-boosting-")
    assert families["onnx"]["runtime"] == ""
    for name, packages in (
        ("boosting", {"xgboost", "lightgbm"}),
        ("onnx", {"onnxruntime", "onnx", "tokenizers"}),
    ):
        found = families[name]["packages"]
        assert isinstance(found, dict)
        assert {*packages, "mlflow", "scikit-learn"} <= found.keys()


def test_only_the_chosen_families_are_built() -> None:
    def images(*runtimes: str) -> set[str]:
        settings = reader.parse({"cluster": CLUSTER, "serving": {"runtimes": list(runtimes)}})
        return {each for each in plan(settings, PARTS).images if each.startswith("serving-runtime")}

    assert images() == {"serving-runtime"}
    assert images("onnx") == {"serving-runtime", "serving-runtime-onnx"}
