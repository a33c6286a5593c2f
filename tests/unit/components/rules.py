"""What must hold for every component, whatever it deploys."""

import re
from collections.abc import Collection
from typing import Any

from tests.fixtures.recorder import Deployment, Registration


def assert_children_of_one_component(deployment: Deployment[Any], component: str) -> None:
    """Every resource hangs below the component, and names begin with its name: no stray, no clash."""
    root = deployment.component()
    assert root.type == f"plinth:index:{component}"
    assert root.urn in deployment.outputs, "register_outputs was not called"
    by_urn = {each.urn: each for each in deployment.registrations}
    for each in deployment.registrations:
        assert each is root or each.name.startswith(f"{root.name}-"), each.name
        ancestor: Registration | None = each
        while ancestor and ancestor.urn != root.urn:
            ancestor = by_urn.get(ancestor.parent)
        assert ancestor, f"{each.name} is no descendant of {root.name}"


def assert_labelled(deployment: Deployment[Any]) -> None:
    """Every Kubernetes object says what it is part of and who owns it."""
    for each in deployment.registrations:
        if "metadata" in each.inputs:
            labels = each.inputs["metadata"].get("labels", {})
            assert labels.get("app.kubernetes.io/part-of") == "plinth", each.name
            assert labels.get("app.kubernetes.io/managed-by") == "pulumi", each.name


def assert_restricted(deployment: Deployment[Any], *, api_clients: Collection[str] = ()) -> None:
    """Every pod meets the restricted Pod Security Standard, and is sized; only API clients hold a token."""
    pods = deployment.pods()
    assert pods, "no pod: this check would pass on nothing"
    for name, pod in pods.items():
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True, name
        assert context["runAsUser"] > 0, name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is (name in api_clients), name
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["readOnlyRootFilesystem"] is True, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), name
            assert "memory" in container["resources"]["limits"], name
            assert container["imagePullPolicy"] == "IfNotPresent", name
        assert all("hostPath" not in volume for volume in pod.get("volumes", [])), name
    # Programs of our own read files.
    for job in deployment.of_type("Job"):
        assert "secretKeyRef" not in str(job.inputs), f"{job.name} has a secret in its environment"


def assert_no_secret_in_clear(deployment: Deployment[Any], *secrets: str) -> None:
    """A secret value occurs in the inputs of Secrets alone, and there it is marked secret."""
    for each in deployment.registrations:
        for key, value in each.inputs.items():
            if any(secret in str(value) for secret in secrets):
                assert each.type == "kubernetes:core/v1:Secret", f"{each.name}.{key} holds a secret"
                assert key in each.secret_inputs, f"{each.name}.{key} is not marked secret"


def assert_no_keys(deployment: Deployment[Any]) -> None:
    """No container is given keys of an object store, and no Secret holds any."""
    for name, pod in deployment.pods().items():
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            given = [each["name"] for each in container.get("env", []) if "ACCESS" in each["name"]]
            assert not given, f"{name}: {given}"
    for each in deployment.of_type("Secret"):
        held = secret_data(each)
        keys = [key for key in held if {"access", "secret"} & set(_words(key)) and held[key]]
        assert not keys, f"{each.name}: {keys}"


def secret_data(secret: Registration) -> dict[str, str]:
    """Return what a Secret holds, whether or not the whole of it is marked secret."""
    data: dict[str, Any] = secret.inputs["stringData"]
    return data.get("value", data)


def _words(key: str) -> list[str]:
    return re.findall(r"access|secret|[a-z]+", key.lower())


def assert_reaches_aws(policy: dict[str, Any]) -> None:
    """The pods of a policy reach S3 wherever it is, and the agent that gives them credentials."""
    ways = [(to, port["port"]) for rule in policy["egress"] for to in rule["to"] for port in rule["ports"]]
    assert ({"ipBlock": {"cidr": "0.0.0.0/0"}}, 443) in ways
    assert ({"ipBlock": {"cidr": "169.254.170.23/32"}}, 80) in ways


def policies(deployment: Deployment[Any]) -> dict[str, dict[str, Any]]:
    """Return the spec of every NetworkPolicy by its name in the cluster."""
    return {
        each.inputs["metadata"]["name"]: each.inputs["spec"] for each in deployment.of_type("NetworkPolicy")
    }


def before(deployment: Deployment[Any], later: Registration) -> set[str]:
    """Return the names of everything that must be finished before a resource starts."""
    by_urn = {each.urn: each for each in deployment.registrations}
    return {by_urn[urn].name for urn in later.dependencies if urn in by_urn}
