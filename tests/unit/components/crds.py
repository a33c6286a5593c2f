"""Checks custom resources against upstream's full schemas, of which the cluster holds only the outlines."""

from typing import Any

from components import manifests
from components.monitoring import prometheus_operator


def unknown_fields(kind: str, spec: dict[str, Any]) -> list[str]:
    """Return the path of every field of a spec that upstream's definition does not have."""
    plural = {"Prometheus": "prometheuses"}.get(kind, f"{kind.lower()}s")
    file = f"example/prometheus-operator-crd/monitoring.coreos.com_{plural}.yaml"
    (definition,) = manifests.load(prometheus_operator.PROJECT, prometheus_operator.MODULE, file)
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return _unknown(schema, spec, "spec")


def _unknown(schema: dict[str, Any], value: Any, path: str) -> list[str]:
    if isinstance(value, list):
        items = schema.get("items", {})
        return [
            each for number, item in enumerate(value) for each in _unknown(items, item, f"{path}[{number}]")
        ]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    properties = schema["properties"]
    found = [f"{path}.{key}" for key in value if key not in properties]
    return found + [
        each
        for key, inner in value.items()
        if key in properties
        for each in _unknown(properties[key], inner, f"{path}.{key}")
    ]
