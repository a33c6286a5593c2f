"""The HTTPRoute of one model: the share of its requests that each version gets.

During an experiment a request says to which unit it belongs, by a hex digest in a header, and units are
assigned, not requests: the new version gets those whose first two digits are below its share of 256. So the
same unit always meets the same version, and a share that grows takes nobody back. A request without the
header is assigned by weight, as ever. The gateway matches headers by regular expressions, which the Gateway
API leaves to implementations; Traefik has those of Go.
"""

from collections.abc import Mapping
from typing import Any, Final

from workloads.contract import MODEL_LABEL
from workloads.serving.experiment_request import UNIT_HEADER
from workloads.serving.inference_service import version_service

API: Final = ("gateway.networking.k8s.io", "v1")
"""Group and version."""
PLURAL: Final = "httproutes"
MANAGER: Final = {"app.kubernetes.io/managed-by": "plinth-delivery"}
"""Label of routes that the delivery controller owns; nobody else writes to them."""
_PORT: Final = 80
_PREDICTOR: Final = "-predictor"
_BUCKETS: Final = 256
_ALL: Final = 100
_DIGIT: Final = "[0-9a-fA-F]"


def name(model_name: str) -> str:
    """Return the name of the route; KServe names its own after InferenceServices, also `NAME-predictor`."""
    return f"{model_name}-model"


def predictor(model_name: str, version: str) -> str:
    """Return the Service of one version's pods, as KServe names it."""
    return f"{version_service(model_name, version)}{_PREDICTOR}"


def spec(
    host: str,
    gateway: Mapping[str, str],
    model_name: str,
    weights: Mapping[str, int],
    by_units: str = "",
) -> dict[str, Any]:
    """Return the spec of the route.

    Args:
        host: Host of the model.
        gateway: Name and namespace of the Gateway.
        model_name: The model.
        weights: Version -> share of the requests, in percent. A version with 0 is left out: the gateway then
            needs no pod of it.
        by_units: The version that gets the units with the smallest digests, another one the rest; empty if no
            units are assigned.
    """
    backends = [
        {"name": predictor(model_name, version), "port": _PORT, "weight": weight}
        for version, weight in sorted(weights.items())
        if weight
    ]
    return {
        "hostnames": [host],
        "parentRefs": [{"name": gateway["name"], "namespace": gateway["namespace"]}],
        # The gateway takes the rule with more matches first.
        "rules": [*_rules_of_units(model_name, weights, by_units), {"backendRefs": backends}],
    }


def route(
    namespace: str,
    host: str,
    gateway: Mapping[str, str],
    model_name: str,
    weights: Mapping[str, int],
    by_units: str = "",
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
        "spec": spec(host, gateway, model_name, weights, by_units),
    }


def weights(route: Mapping[str, Any], model_name: str) -> dict[str, int]:
    """Return version -> share of the requests in percent, as a route has it; other backends are left out.

    Rules for units repeat these shares and are left out too.
    """
    found: dict[str, int] = {}
    for rule in route["spec"].get("rules", []):
        if not _is_of_units(rule):
            found.update(_backends(rule, model_name))
    return found


def versions(route: Mapping[str, Any], model_name: str) -> set[str]:
    """Return every version that may get a request, by whatever rule of a route."""
    return {version for rule in route["spec"].get("rules", []) for version, _ in _backends(rule, model_name)}


def units_pattern(share: int, *, below: bool) -> str:
    """Return the regular expression of the units of a share, or of all others.

    Args:
        share: Percent of the units, 1 to 99, rounded to 1/256.
        below: Whether the digests below the share are meant; otherwise the others are.
    """
    bound = min(_BUCKETS - 1, max(1, round(_BUCKETS * share / _ALL)))
    first, second = divmod(bound, 16)
    if below:
        choices = [(_digits(0, first), _DIGIT), (_digits(first, first + 1), _digits(0, second))]
    else:
        choices = [(_digits(first, first + 1), _digits(second, 16)), (_digits(first + 1, 16), _DIGIT)]
    pairs = "|".join(f"{one}{other}" for one, other in choices if one and other)
    return f"^(?:{pairs}){_DIGIT}*$"


def _rules_of_units(model_name: str, weights: Mapping[str, int], by_units: str) -> list[dict[str, Any]]:
    given = {version: weight for version, weight in weights.items() if weight}
    if by_units not in given or len(given) != 2:
        return []
    (other,) = given.keys() - {by_units}
    return [
        {
            "matches": [{"headers": [{"type": "RegularExpression", "name": UNIT_HEADER, "value": pattern}]}],
            "backendRefs": [{"name": predictor(model_name, version), "port": _PORT, "weight": _ALL}],
        }
        for version, pattern in (
            (by_units, units_pattern(given[by_units], below=True)),
            (other, units_pattern(given[by_units], below=False)),
        )
    ]


def _is_of_units(rule: Mapping[str, Any]) -> bool:
    return any(
        header.get("name", "").lower() == UNIT_HEADER
        for match in rule.get("matches", [])
        for header in match.get("headers", [])
    )


def _backends(rule: Mapping[str, Any], model_name: str) -> list[tuple[str, int]]:
    prefix = version_service(model_name, "")
    found: list[tuple[str, int]] = []
    for backend in rule.get("backendRefs", []):
        version = backend["name"].removeprefix(prefix).removesuffix(_PREDICTOR)
        if predictor(model_name, version) == backend["name"]:
            found.append((version, backend.get("weight", 1)))
    return found


def _digits(first: int, after: int) -> str:
    """Return the class of these hex digits, in either case; empty if there are none."""
    digits = "".join(f"{each:x}" for each in range(first, after))
    return f"[{digits}{''.join(each.upper() for each in digits if each.isalpha())}]" if digits else ""
