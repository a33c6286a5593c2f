"""Faults that only AWS would show come in classes; for each, a fault of the class turns its check red.

This module has the faults of plans and settings, and runs those of `other_faults` too.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from infra.errors import SettingsError
from infra.settings import reader
from simulation.aws import rules
from simulation.aws.cloudformation import lint
from simulation.aws.planned import PlannedResource
from tests.contract import other_faults
from tests.contract import test_leases as leases
from tests.contract.fault import Class, Fault
from tests.fixtures import planned
from tests.unit.infra import choices

_Values = dict[str, Any]
_STACK = "prod"


def _plan() -> rules.Plan:
    return planned.of_stack(_STACK)


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


def _without_accelerators(plan: rules.Plan) -> rules.Plan:
    kept = [
        each
        for each in plan.resources
        if not str(each.inputs.get("tag", {}).get("key")).endswith("/label/k8s.amazonaws.com/accelerator")
    ]
    return dataclasses.replace(plan, resources=kept)


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


FAULTS: tuple[Fault[Any], ...] = (
    Fault(
        name="a rule that EKS makes too",
        kind=Class.MADE_BY_AWS,
        right=_plan,
        inject=_makes_what_eks_makes,
        find=_rule("nothing twice that AWS makes"),
        says="EKS makes this rule itself",
    ),
    Fault(
        name="a cluster before its rights",
        kind=Class.ORDER,
        right=_plan,
        inject=_forgets_the_rights_of_its_role,
        find=_rule("rights before whoever acts by them"),
        says="a right of its role",
    ),
    Fault(
        name="a NAT gateway before the way out",
        kind=Class.ORDER,
        right=_plan,
        inject=_forgets_the_way_out,
        find=_rule("NAT after the way out"),
        says="route to the internet gateway",
    ),
    Fault(
        name="an identity after the namespace of its pods",
        kind=Class.IDENTITIES,
        right=_plan,
        inject=_waits_for_its_namespace,
        find=_rule("identities long before pods"),
        says="seconds before the pods",
    ),
    Fault(
        name="karpenter and sharing",
        kind=Class.EXCLUSIONS,
        right=lambda: choices.of_stack(_STACK) | {"teams": []},
        inject=_shared("provisioner", "karpenter", {"kind": "timeSlicing", "replicas": 4}),
        find=_settings_problems,
        says="sharing with provisioner karpenter",
    ),
    Fault(
        name="efa and mig",
        kind=Class.EXCLUSIONS,
        right=lambda: choices.of_stack(_STACK) | {"teams": []},
        inject=_shared("efa", value=True, sharing={"kind": "mig", "profile": "1g.10gb"}),
        find=_settings_problems,
        says="slices of a GPU cannot use adapters",
    ),
    Fault(
        name="adapters without their plugin",
        kind=Class.PROMISES,
        right=_plan,
        inject=_without("kubernetes:apps/v1:DaemonSet", "efa-device-plugin-adapters"),
        find=_rule("what autoscalers expect of a node is registered there"),
        says="promises vpc.amazonaws.com/efa",
    ),
    Fault(
        name="a lease where there are no rights",
        kind=Class.CONTROLLERS,
        right=_plan,
        inject=_changed(
            "kubernetes:apps/v1:Deployment",
            "cluster-autoscaler-server",
            {"spec.template.spec.containers.0.args": ["--cloud-provider=aws"]},
        ),
        find=lambda plan: leases.electing_without_rights(plan.elsewhere),
        says="takes its lease in kube-system",
    ),
    Fault(
        name="GPUs that the autoscaler does not wait for",
        kind=Class.CONTROLLERS,
        right=_plan,
        inject=_without_accelerators,
        find=_rule("GPU nodes are known while they start"),
        says="without the label k8s.amazonaws.com/accelerator",
    ),
    Fault(
        name="a database without authorities",
        kind=Class.TLS,
        right=_plan,
        inject=_changed(
            "kubernetes:apps/v1:Deployment",
            "pipelines-api-server",
            {"spec.template.spec.containers.0.volumeMounts": []},
        ),
        find=_rule("stores over verified TLS"),
        says="no file with the authorities",
    ),
    Fault(
        name="clear text at the edge",
        kind=Class.TLS,
        right=_plan,
        inject=_changed(
            "kubernetes:core/v1:Service",
            "traefik-load-balancer",
            {"spec.ports": [{"name": "web", "port": 80}]},
        ),
        find=_rule("no clear text at the edge"),
        says="offers port 80 in clear text",
    ),
    Fault(
        name="a gateway alone",
        kind=Class.AVAILABILITY,
        right=_plan,
        inject=_changed("kubernetes:apps/v1:Deployment", "traefik-server", {"spec.replicas": 1}),
        find=_rule("nothing that is needed all the time is alone"),
        says="has one replica",
    ),
    Fault(
        name="a log group that RDS would make",
        kind=Class.LOGS,
        right=_plan,
        inject=_without(rules.LOG_GROUP, "postgres-instance-postgresql-log"),
        find=_rule("logs expire"),
        says="would create log group",
    ),
    Fault(
        name="a retention that AWS does not have",
        kind=Class.VALUES,
        right=_log_group,
        inject=lambda group: dataclasses.replace(group, inputs={**group.inputs, "retentionInDays": 31}),
        find=lambda group: lint.find([group], "us-east-1"),
        says="31 is not one of",
    ),
)


_EVERY = (*FAULTS, *other_faults.FAULTS)


@pytest.mark.parametrize("fault", _EVERY, ids=lambda fault: fault.name)
def test_a_fault_of_every_class_is_found(fault: Fault[Any]) -> None:
    right = fault.right()
    assert [*fault.find(right)] == [], "the check is red without a fault"
    found = [str(each) for each in fault.find(fault.inject(right))]
    assert any(fault.says in each for each in found), found


def test_every_class_has_a_fault() -> None:
    counted = Counter(each.kind for each in _EVERY)
    assert [each.value for each in Class if not counted[each]] == []
