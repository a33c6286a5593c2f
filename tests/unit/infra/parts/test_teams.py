"""Teams have namespaces with and without GPU pools, under names that nothing else has."""

from typing import Any

import pytest

from infra.errors import SettingsError
from infra.parts import PARTS
from infra.parts.plan import plan
from infra.settings import reader
from tests.fixtures import platform

CLUSTER = {"kind": "kubeconfig", "name": "local"}


def stack(*names: str) -> dict[str, Any]:
    return {"cluster": CLUSTER, "teams": [{"name": name} for name in names]}


def test_a_team_without_gpu_pools_has_a_closed_namespace_and_reaches_the_platform() -> None:
    deployment = platform.deployed(reader.parse(stack("research")))
    namespace = deployment.one("Namespace", "team-research-namespace-namespace")
    assert namespace.inputs["metadata"]["name"] == "research"
    closed = {
        each.inputs["metadata"]["namespace"]
        for each in deployment.of_type("NetworkPolicy")
        if each.inputs["metadata"]["name"] == "default-deny"
    }
    assert "research" in closed
    policy = deployment.one("NetworkPolicy", "team-research-policy").inputs["spec"]
    assert "mlflow" in str(policy["egress"])
    assert "gateway" in str(policy["egress"])
    assert not deployment.of_type("LocalQueue")


def test_a_team_of_a_stack_with_pools_has_a_queue_and_the_urn_of_its_former_profile() -> None:
    deployment = platform.stack("prod")
    queues = {each.inputs["metadata"]["namespace"] for each in deployment.of_type("LocalQueue")}
    assert queues == {"research", "applied", "serving"}
    profile = deployment.one("plinth:index:TeamProfile", "team-research")
    assert any("GpuScheduling" in alias and "gpu-scheduling-research" in alias for alias in profile.aliases)


@pytest.mark.parametrize("name", ["kubeflow", "models", "kueue", "node-scaling"])
def test_the_namespace_of_a_part_is_no_name_for_a_team(name: str) -> None:
    settings = reader.parse(stack(name))
    with pytest.raises(SettingsError) as caught:
        plan(settings, PARTS)
    message = str(caught.value)
    assert "\n" not in message
    assert name in message
    assert "teams" in message


def test_a_name_that_kubernetes_keeps_for_itself_is_refused() -> None:
    for name in ("kube-system", "default"):
        with pytest.raises(SettingsError, match=name):
            plan(reader.parse(stack(name)), PARTS)
