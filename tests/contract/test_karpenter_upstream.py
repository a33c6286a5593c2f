"""Karpenter's rights and settings next to those of its own chart and source, of the pinned module.

Its policy in CloudFormation is not part of the module; the interfaces through which it calls AWS are.
"""

from collections.abc import Mapping, Set

import pytest
import yaml

from components import manifests
from infra.settings import stack_file
from tests.fixtures import golden, platform
from tests.fixtures.recorder import Deployment
from tests.unit.components.aws import policies

_PROJECT = "karpenter-provider-aws"
_MODULE = "github.com/aws/karpenter-provider-aws"
_STACKS = [
    name
    for name in ("dev", "staging", "prod")
    if any(pool.provisioner == "karpenter" for pool in stack_file.settings(name).gpu_pools)
]
_OVERLAYS = "its feature gate is off, so nothing writes or reads the status of overlays"
_BUFFERS = "its feature gate is off, so buffers are listed and never changed"
_STATUS = "a status is created and deleted with its object"
_PROFILES = "the program makes the instance profile of the nodes"
# Every deviation from upstream, with its reason: one that no longer exists fails as much as a new one.
CLUSTER_RIGHTS: Mapping[str, str] = {
    "without create karpenter.sh/nodeclaims/status": _STATUS,
    "without delete karpenter.sh/nodeclaims/status": _STATUS,
    "without get karpenter.sh/nodeoverlays/status": _OVERLAYS,
    "without list karpenter.sh/nodeoverlays/status": _OVERLAYS,
    "without patch karpenter.sh/nodeoverlays/status": _OVERLAYS,
    "without update karpenter.sh/nodeoverlays/status": _OVERLAYS,
    "without watch karpenter.sh/nodeoverlays/status": _OVERLAYS,
    "without patch autoscaling.x-k8s.io/capacitybuffers/status": _BUFFERS,
    "without update autoscaling.x-k8s.io/capacitybuffers/status": _BUFFERS,
}
NAMESPACE_RIGHTS: Mapping[str, str] = {
    "without get /services named kube-dns": "in kube-system; it goes on without, and nodes find the address",
}
ACTIONS: Mapping[str, str] = {
    "without arc-zonal-shift:GetManagedResource": "zonal shift is not switched on",
    "without iam:AddRoleToInstanceProfile": _PROFILES,
    "without iam:CreateInstanceProfile": _PROFILES,
    "without iam:DeleteInstanceProfile": _PROFILES,
    "without iam:RemoveRoleFromInstanceProfile": _PROFILES,
    "without iam:TagInstanceProfile": _PROFILES,
    "without iam:GetRole": "nothing but upstream's own tests calls it",
    "without sqs:SendMessage": "nothing but upstream's own tests sends messages",
    "without timestream:WriteRecords": "upstream's own tests record their times there",
    "with iam:PassRole": "EC2 asks for it when an instance gets the role of nodes",
}
VARIABLES: Mapping[str, str] = {
    "without CPU_REQUESTS": "the default of one CPU sizes its work; it may use more than it requests",
    "without KUBERNETES_MIN_VERSION": "no code of this version reads it",
    "with AWS_REGION": "the metadata service, which would name it, is closed to pods",
}
GATES: Mapping[str, str] = {"NodeRepair": "nodes whose GPUs fail are replaced"}
# Prefix of IAM's actions by the interface of a service, where the name of the service is another one.
_SERVICES: Mapping[str, str] = {"ARCZonalShift": "arc-zonal-shift", "TimestreamWrite": "timestream"}


@pytest.fixture(scope="module", params=_STACKS)
def deployment(request: pytest.FixtureRequest) -> Deployment[dict[str, object]]:
    return platform.stack(request.param, preview=False)


def _chart(name: str) -> str:
    return manifests.text(_PROJECT, _MODULE, f"charts/karpenter/templates/{name}.yaml")


def _granted(files: tuple[str, ...], kind: str) -> set[str]:
    objects = [each for file in files for each in golden.chart_documents(_chart(file))]
    return golden.permissions(rule for each in objects if each["kind"] == kind for rule in each["rules"])


def deviations_in_the_cluster(ours: Set[str]) -> set[str]:
    """Return how rights in the cluster deviate from those of the chart."""
    upstream = _granted(("clusterrole", "clusterrole-core"), "ClusterRole")
    assert len(upstream) > 60
    return golden.deviations(upstream, ours)


def test_some_stack_uses_it() -> None:
    assert _STACKS


def test_its_rights_in_the_cluster_are_those_of_the_chart(deployment: Deployment[dict[str, object]]) -> None:
    ours = deployment.one("ClusterRole", "karpenter-cluster-role").inputs["rules"]
    assert deviations_in_the_cluster(golden.permissions(ours)) == {*CLUSTER_RIGHTS}


def test_its_rights_in_its_namespace_are_those_of_the_chart(
    deployment: Deployment[dict[str, object]],
) -> None:
    (role,) = [
        each
        for each in deployment.of_type("kubernetes:rbac.authorization.k8s.io/v1:Role")
        if each.name.startswith("karpenter-")
    ]
    deviations = golden.deviations(_granted(("role",), "Role"), golden.permissions(role.inputs["rules"]))
    assert deviations == {*NAMESPACE_RIGHTS}


def test_it_may_call_what_its_source_calls(deployment: Deployment[dict[str, object]]) -> None:
    interfaces = golden.go_interfaces(manifests.text(_PROJECT, _MODULE, "pkg/aws/sdk.go"))
    upstream = {
        f"{_SERVICES.get(service, service.lower())}:{method}"
        for name, methods in interfaces.items()
        for service in [name.removesuffix("API")]
        for method in methods
    }
    assert len(upstream) > 30
    rights = deployment.one("RolePolicy", "karpenter-identity-rights").inputs["policy"]
    assert golden.deviations(upstream, {*policies.allowed(rights)}) == {*ACTIONS}


def test_its_settings_are_those_of_the_chart(deployment: Deployment[dict[str, object]]) -> None:
    ((container),) = deployment.pods()["karpenter-server"]["containers"]
    values = {each["name"]: each.get("value", "") for each in container["env"]}
    always, on_request = golden.chart_variables(_chart("deployment"))
    assert len(always) > 5
    assert golden.deviations(always, {*values} - on_request) == {*VARIABLES}


def test_its_feature_gates_are_upstreams_own(deployment: Deployment[dict[str, object]]) -> None:
    ((container),) = deployment.pods()["karpenter-server"]["containers"]
    (given,) = [each["value"] for each in container["env"] if each["name"] == "FEATURE_GATES"]
    values = yaml.safe_load(manifests.text(_PROJECT, _MODULE, "charts/karpenter/values.yaml"))
    defaults = {
        f"{name[0].upper()}{name[1:]}": value for name, value in values["settings"]["featureGates"].items()
    }
    gates = {name: value == "true" for name, value in (each.split("=") for each in given.split(","))}
    assert gates.keys() <= defaults.keys()
    assert {name for name, value in gates.items() if value != defaults[name]} == {*GATES}
