"""The HTTPRoute of one model: the share of its requests that each version gets."""

from collections.abc import Mapping
from typing import Any, Final

from workloads.contract import MODEL_LABEL
from workloads.serving.inference_service import version_service

API: Final = ("gateway.networking.k8s.io", "v1")
"""Group and version."""
PLURAL: Final = "httproutes"
MANAGER: Final = {"app.kubernetes.io/managed-by": "plinth-delivery"}
"""Label of routes that the delivery controller owns; nobody else writes to them."""
_PORT: Final = 80
_PREDICTOR: Final = "-predictor"


def name(model_name: str) -> str:
    """Return the name of the route; KServe names its own after InferenceServices, also `NAME-predictor`."""
    return f"{model_name}-model"


def predictor(model_name: str, version: str) -> str:
    """Return the Service of one version's pods, as KServe names it."""
    return f"{version_service(model_name, version)}{_PREDICTOR}"


def spec(
    host: str, gateway: Mapping[str, str], model_name: str, weights: Mapping[str, int]
) -> dict[str, Any]:
    """Return the spec of the route.

    Args:
        host: Host of the model.
        gateway: Name and namespace of the Gateway.
        model_name: The model.
        weights: Version -> share of the requests, in percent. A version with 0 is left out: the gateway then
            needs no pod of it.
    """
    backends = [
        {"name": predictor(model_name, version), "port": _PORT, "weight": weight}
        for version, weight in sorted(weights.items())
        if weight
    ]
    return {
        "hostnames": [host],
        "parentRefs": [{"name": gateway["name"], "namespace": gateway["namespace"]}],
        "rules": [{"backendRefs": backends}],
    }


def route(
    namespace: str, host: str, gateway: Mapping[str, str], model_name: str, weights: Mapping[str, int]
) -> dict[str, Any]:
    """Return the whole object; arguments as for `spec`."""
    return {
        "apiVersion": "/".join(API),
        "kind": "HTTPRoute",
        "metadata": {
            "name": name(model_name),
            "namespace": namespace,
            "labels": {**MANAGER, MODEL_LABEL: model_name},
        },
        "spec": spec(host, gateway, model_name, weights),
    }


def weights(route: Mapping[str, Any], model_name: str) -> dict[str, int]:
    """Return version -> share of the requests in percent, as a route has it; other backends are left out."""
    prefix = version_service(model_name, "")
    found: dict[str, int] = {}
    for rule in route["spec"].get("rules", []):
        for backend in rule.get("backendRefs", []):
            version = backend["name"].removeprefix(prefix).removesuffix(_PREDICTOR)
            if predictor(model_name, version) == backend["name"]:
                found[version] = backend.get("weight", 1)
    return found
