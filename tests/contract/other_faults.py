"""Faults that no plan shows: of nodes, controllers, accounts and changes, and against what upstream asks."""

import copy
import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from moto import mock_aws

from components.aws import gpu_partitioning
from infra.account import linked_roles, session
from simulation.aws.live_state import LiveState, RefusedError
from simulation.aws.rules import NODE_GROUP
from simulation.gpus import requests
from simulation.gpus.requests import Request
from tests.contract import test_changes as changes
from tests.contract import test_karpenter_upstream as karpenter
from tests.contract import test_nvidia_chart as nvidia
from tests.contract import test_recovery as recovery
from tests.contract.fault import Class, Fault
from tests.fixtures import golden, platform
from tests.fixtures.recorder import Registration
from tests.unit.components.aws import test_gpu_partitioning as partitioning
from tests.unit.infra import demands
from tests.unit.infra.parts import test_gateway as gateway

_STACK = "prod"
_UNIT = f"/etc/systemd/system/{gpu_partitioning.UNIT}"
_KUEUE = "system:serviceaccount:kueue:kueue-controller-manager"
_SPOT = "spot.amazonaws.com"


def _of_type(token: str) -> Sequence[Registration]:
    return platform.stack(_STACK).of_type(token)


def _karpenters_rights() -> frozenset[str]:
    role = platform.stack(_STACK).one("ClusterRole", "karpenter-cluster-role")
    return frozenset(golden.permissions(role.inputs["rules"]))


def _unlisted(rights: frozenset[str]) -> list[str]:
    return sorted(karpenter.deviations_in_the_cluster(rights) ^ {*karpenter.CLUSTER_RIGHTS})


def _without_administration(plugin: Mapping[str, Any]) -> Mapping[str, Any]:
    changed = copy.deepcopy(dict(plugin))
    (container,) = changed["spec"]["template"]["spec"]["containers"]
    container["securityContext"]["capabilities"].pop("add")
    return changed


def _awaited_for_ever(jobs: Sequence[Registration]) -> Sequence[Registration]:
    metadata = {**jobs[0].inputs["metadata"], "annotations": {}}
    return [dataclasses.replace(jobs[0], inputs={**jobs[0].inputs, "metadata": metadata}), *jobs[1:]]


def _joining_uncut(script: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        return partitioning.joining_uncut(script, Path(folder))


def _out_of_order(files: Mapping[str, str]) -> list[str]:
    return [each for ami in partitioning.AMIS for each in partitioning.out_of_order(files, ami)]


def _after_the_kubelet(files: Mapping[str, str]) -> Mapping[str, str]:
    lines = [line for line in files[_UNIT].splitlines() if not line.startswith("Before=")]
    return {**files, _UNIT: "\n".join(lines)}


def _refused_sizes(sizes: Mapping[str, int]) -> list[str]:
    try:
        LiveState().update("urn", NODE_GROUP, {"scalingConfig": sizes})
    except RefusedError as error:
        return [str(error)]
    return []


def _lacking_roles(services: frozenset[str]) -> list[str]:
    """Return what preflight says of an account that has the service-linked roles of some services."""
    with mock_aws():
        account = session.connect("us-east-1")
        for each in services:
            account.iam.create_service_linked_role(AWSServiceName=each)
        found = linked_roles.linked_roles(account, demands.of_stack(_STACK))
        return [f"{each.subject}: {each.remedy}" for each in found if each.failed]


FAULTS: tuple[Fault[Any], ...] = (
    Fault(
        name="a right of Karpenter's chart",
        kind=Class.UPSTREAM,
        right=_karpenters_rights,
        inject=lambda rights: rights - {"create /pods/eviction"},
        find=_unlisted,
        says="without create /pods/eviction",
    ),
    Fault(
        name="a capability that slices need",
        kind=Class.UPSTREAM,
        right=lambda: nvidia.daemon_set("single"),
        inject=_without_administration,
        find=lambda plugin: nvidia.unexplained("single", plugin),
        says="capabilities add",
    ),
    Fault(
        name="a Job that is awaited for ever",
        kind=Class.JOBS,
        right=lambda: _of_type("kubernetes:batch/v1:Job"),
        inject=_awaited_for_ever,
        find=recovery.never_replaced,
        says="is awaited again",
    ),
    Fault(
        name="a request that a role does not allow",
        kind=Class.CONTROLLERS,
        right=lambda: [Request(user=_KUEUE, right="get pods", allowed=True)],
        inject=lambda made: [*made, Request(user=_KUEUE, right="create leases", allowed=False)],
        find=lambda made: requests.refused(made, _KUEUE),
        says="create leases",
    ),
    Fault(
        name="a node that joins with whole GPUs",
        kind=Class.NODE_SCRIPTS,
        right=lambda: partitioning.Node.script,
        inject=lambda script: script.replace("  exit 1\n", "  exit 0\n"),
        find=_joining_uncut,
        says="one device short: the kubelet starts",
    ),
    Fault(
        name="GPUs that are cut after the kubelet starts",
        kind=Class.NODE_SCRIPTS,
        right=partitioning.installed,
        inject=_after_the_kubelet,
        find=_out_of_order,
        says="nodeadm-run.service does not wait for the unit",
    ),
    Fault(
        name="a minimum above the present size",
        kind=Class.CHANGES,
        right=lambda: {"minSize": 1, "maxSize": 4, "desiredSize": 1},
        inject=lambda sizes: {**sizes, "minSize": 2},
        find=_refused_sizes,
        says="Minimum capacity 2 can't be greater than desired size 1",
    ),
    Fault(
        name="a scheme that nobody changes",
        kind=Class.CHANGES,
        right=lambda: _of_type("kubernetes:core/v1:Service"),
        inject=lambda services: [dataclasses.replace(each, replace_on_changes=()) for each in services],
        find=changes.kept_at_a_change_of_scheme,
        says="keeps its load balancer",
    ),
    Fault(
        name="a certificate for another name",
        kind=Class.TLS,
        right=lambda: platform.stack(_STACK).result,
        inject=lambda result: {**result, "gateway_url": "https://here.elb.us-east-1.amazonaws.com"},
        find=gateway.uncovered,
        says="here.elb.us-east-1.amazonaws.com",
    ),
    Fault(
        name="a role that nothing creates",
        kind=Class.ACCOUNT,
        right=lambda: frozenset({_SPOT}),
        inject=lambda services: services - {_SPOT},
        find=_lacking_roles,
        says="AWSServiceRoleForEC2Spot for spot nodes through Karpenter: batch: run `aws iam",
    ),
)
