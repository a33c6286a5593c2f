"""Faults that only AWS would show come in classes; for each, one fault of the class turns its check red.

A new class is one entry of the table: what is right, a fault in a copy of it, and the check that finds it.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import pytest

from infra.errors import SettingsError
from infra.settings import reader, stack_file
from simulation.aws import rules
from simulation.aws.cloudformation import lint
from simulation.aws.planned import PlannedResource
from tests.contract import test_karpenter_upstream as karpenter
from tests.contract import test_recovery as recovery
from tests.fixtures import golden, platform
from tests.fixtures.recorder import Registration
from tests.unit.infra import choices

T = TypeVar("T")
_Values = dict[str, Any]
_STACK = "prod"
_CLUSTER_ROLE = "karpenter-cluster-role"


@dataclass(frozen=True, kw_only=True)
class FaultClass(Generic[T]):
    """A class of faults."""

    name: str
    right: Callable[[], T]
    inject: Callable[[T], T]
    """Returns a copy with one fault of the class."""
    find: Callable[[T], Sequence[object]]
    """The check that runs on every stack."""
    says: str
    """Part of what the check says of the fault."""


@cache
def _plan() -> rules.Plan:
    planned = [_planned(each) for each in platform.stack(_STACK, preview=False).registrations if each.custom]
    return rules.Plan(
        resources=[each for each in planned if each.is_aws],
        elsewhere=[each for each in planned if not each.is_aws],
        settings=stack_file.settings(_STACK),
    )


def _planned(each: Registration) -> PlannedResource:
    return PlannedResource(
        operation="create",
        urn=each.urn,
        token=each.type,
        inputs=each.inputs,
        references=each.references,
        dependencies=tuple(sorted(each.dependencies)),
        protect=each.protect,
        retain_on_delete=each.retain_on_delete,
    )


def _rule(name: str) -> Callable[[rules.Plan], list[str]]:
    """Return the check of one rule for plans."""
    return lambda plan: [f"{each.name} {reason}" for each, reason in rules.RULES[name](plan)]


def _first(plan: rules.Plan, token: str) -> PlannedResource:
    return plan.of_type(token)[0]


def _with(plan: rules.Plan, changed: PlannedResource) -> rules.Plan:
    """Return a plan with one resource added, or changed if there is one of its URN."""
    others = [each for each in plan.resources if each.urn != changed.urn]
    return dataclasses.replace(plan, resources=[*others, changed])


def _without(token: str, name: str) -> Callable[[rules.Plan], rules.Plan]:
    """Return the fault that a resource is missing."""

    def inject(plan: rules.Plan) -> rules.Plan:
        every = (*plan.resources, *plan.elsewhere)
        (gone,) = [each for each in every if (each.token, each.name) == (token, name)]
        return dataclasses.replace(
            plan,
            resources=[each for each in plan.resources if each is not gone],
            elsewhere=[each for each in plan.elsewhere if each is not gone],
        )

    return inject


def _changed(token: str, name: str, inputs: _Values) -> Callable[[rules.Plan], rules.Plan]:
    """Return the fault that an object of the cluster has other inputs, each by its path."""

    def inject(plan: rules.Plan) -> rules.Plan:
        (right,) = [each for each in plan.elsewhere if (each.token, each.name) == (token, name)]
        changed = dict(right.inputs)
        for path, value in inputs.items():
            changed = choices.changed(changed, path, value)
        wrong = dataclasses.replace(right, inputs=changed)
        return dataclasses.replace(
            plan, elsewhere=[wrong if each is right else each for each in plan.elsewhere]
        )

    return inject


def _makes_what_eks_makes(plan: rules.Plan) -> rules.Plan:
    cluster = _first(plan, rules.CLUSTER).urn
    rule = dataclasses.replace(
        _first(plan, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"),
        references={"securityGroupId": (cluster,), "referencedSecurityGroupId": (cluster,)},
    )
    return _with(plan, rule)


def _forgets_the_rights_of_its_role(plan: rules.Plan) -> rules.Plan:
    cluster = _first(plan, rules.CLUSTER)
    roles = tuple(urn for urn in cluster.references["roleArn"] if "aws:iam/role:Role::" in urn)
    return _with(plan, dataclasses.replace(cluster, references={"roleArn": roles}, dependencies=roles))


def _forgets_the_way_out(plan: rules.Plan) -> rules.Plan:
    nat = _first(plan, "aws:ec2/natGateway:NatGateway")
    return _with(plan, dataclasses.replace(nat, references={}, dependencies=()))


def _waits_for_its_namespace(plan: rules.Plan) -> rules.Plan:
    association = _first(plan, "aws:eks/podIdentityAssociation:PodIdentityAssociation")
    (namespace, *_) = [each.urn for each in plan.elsewhere if each.token == "kubernetes:core/v1:Namespace"]
    late = dataclasses.replace(association, dependencies=(*association.dependencies, namespace))
    return _with(plan, late)


def _karpenters_rights() -> frozenset[str]:
    role = platform.stack(_STACK, preview=False).one("ClusterRole", _CLUSTER_ROLE)
    return frozenset(golden.permissions(role.inputs["rules"]))


def _unlisted(rights: frozenset[str]) -> list[str]:
    return sorted(karpenter.deviations_in_the_cluster(rights) ^ {*karpenter.CLUSTER_RIGHTS})


def _jobs() -> Sequence[Registration]:
    return platform.stack(_STACK, preview=False).of_type("kubernetes:batch/v1:Job")


def _is_awaited_for_ever(jobs: Sequence[Registration]) -> Sequence[Registration]:
    metadata = {**jobs[0].inputs["metadata"], "annotations": {}}
    return [dataclasses.replace(jobs[0], inputs={**jobs[0].inputs, "metadata": metadata}), *jobs[1:]]


def _shared(key: str, value: object, sharing: dict[str, str | int]) -> Callable[[_Values], _Values]:
    """Return the fault that pools with a setting share their GPUs, too."""

    def inject(values: _Values) -> _Values:
        pool = next(n for n, each in enumerate(values["gpuPools"]) if each.get(key) == value)
        return choices.changed(values, f"gpuPools.{pool}.sharing", sharing)

    return inject


def _settings_problems(values: _Values) -> list[str]:
    try:
        reader.parse(values)
    except SettingsError as error:
        return [str(error)]
    return []


def _log_group() -> PlannedResource:
    return dataclasses.replace(
        _first(_plan(), rules.LOG_GROUP), inputs={"name": "/plinth/a", "retentionInDays": 30}
    )


CLASSES: tuple[FaultClass[Any], ...] = (
    FaultClass(
        name="what AWS makes by itself",
        right=_plan,
        inject=_makes_what_eks_makes,
        find=_rule("nothing twice that AWS makes"),
        says="EKS makes this rule itself",
    ),
    FaultClass(
        name="order of rights",
        right=_plan,
        inject=_forgets_the_rights_of_its_role,
        find=_rule("rights before whoever acts by them"),
        says="a right of its role",
    ),
    FaultClass(
        name="order of routes",
        right=_plan,
        inject=_forgets_the_way_out,
        find=_rule("NAT after the way out"),
        says="route to the internet gateway",
    ),
    FaultClass(
        name="identities late for their pods",
        right=_plan,
        inject=_waits_for_its_namespace,
        find=_rule("identities long before pods"),
        says="seconds before the pods",
    ),
    FaultClass(
        name="less than upstream asks for",
        right=_karpenters_rights,
        inject=lambda rights: rights - {"create /pods/eviction"},
        find=_unlisted,
        says="without create /pods/eviction",
    ),
    FaultClass(
        name="Jobs that never recover",
        right=_jobs,
        inject=_is_awaited_for_ever,
        find=recovery.never_replaced,
        says="is awaited again",
    ),
    FaultClass(
        name="settings that exclude each other: karpenter and sharing",
        right=lambda: choices.of_stack(_STACK) | {"teams": []},
        inject=_shared("provisioner", "karpenter", {"kind": "timeSlicing", "replicas": 4}),
        find=_settings_problems,
        says="sharing with provisioner karpenter",
    ),
    FaultClass(
        name="settings that exclude each other: efa and mig",
        right=lambda: choices.of_stack(_STACK) | {"teams": []},
        inject=_shared("efa", value=True, sharing={"kind": "mig", "profile": "1g.10gb"}),
        find=_settings_problems,
        says="slices of a GPU cannot use adapters",
    ),
    FaultClass(
        name="promises that nobody keeps",
        right=_plan,
        inject=_without("kubernetes:apps/v1:DaemonSet", "efa-device-plugin-adapters"),
        find=_rule("what autoscalers expect of a node is registered there"),
        says="promises vpc.amazonaws.com/efa",
    ),
    FaultClass(
        name="clear text at the edge",
        right=_plan,
        inject=_changed(
            "kubernetes:core/v1:Service",
            "traefik-load-balancer",
            {"spec.ports": [{"name": "web", "port": 80}]},
        ),
        find=_rule("no clear text at the edge"),
        says="offers port 80 in clear text",
    ),
    FaultClass(
        name="alone in production",
        right=_plan,
        inject=_changed("kubernetes:apps/v1:Deployment", "traefik-server", {"spec.replicas": 1}),
        find=_rule("nothing that is needed all the time is alone"),
        says="has one replica",
    ),
    FaultClass(
        name="logs that never expire",
        right=_plan,
        inject=_without(rules.LOG_GROUP, "postgres-instance-postgresql-log"),
        find=_rule("logs expire"),
        says="would create log group",
    ),
    FaultClass(
        name="values that AWS refuses",
        right=_log_group,
        inject=lambda group: dataclasses.replace(group, inputs={**group.inputs, "retentionInDays": 31}),
        find=lambda group: lint.find([group], "us-east-1"),
        says="31 is not one of",
    ),
)


@pytest.mark.parametrize("each", CLASSES, ids=lambda each: each.name)
def test_a_fault_of_every_class_is_found(each: FaultClass[Any]) -> None:
    right = each.right()
    assert [*each.find(right)] == [], "the check is red without a fault"
    found = [str(one) for one in each.find(each.inject(right))]
    assert any(each.says in one for one in found), found
