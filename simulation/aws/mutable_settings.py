"""Settings that can be changed on a running stack without replacing anything that holds data."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

from components.versions import EKS_ADDON_NAMES
from infra.settings.stack import PROJECT
from simulation.aws import replacements
from simulation.aws.planned import PlannedResource
from simulation.aws.rules import CLUSTER, INSTANCE, LAUNCH_TEMPLATE, LOG_GROUP, NODE_GROUP

_BUCKET_LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A setting, its new value, and the resource whose plan must show it."""

    setting: str
    """Dotted path, as in the stack file; a number is an index of a list."""
    value: Any
    token: str
    """Type of the resource that changes."""
    name: str
    """Part of its Pulumi name."""
    changes: str = ""
    """The input that changes; empty if the resource is created or deleted, or in the cluster."""
    operation: str = "update"
    stacks: tuple[str, ...] = ("dev", "staging", "prod")


_POOL: Mapping[str, Any] = {
    "name": "added",
    "instanceTypes": ["g6e.xlarge"],
    "max": 3,
}

# Not the gateway's: while the cluster itself changes, a plan does not tell whether an object is replaced.
CHANGES: tuple[Change, ...] = (
    Change(
        setting="cluster.endpoint",
        value={"access": "public", "publicCidrs": ["198.51.100.0/24"]},
        token=CLUSTER,
        name="eks-control-plane",
        changes="vpcConfig",
    ),
    Change(
        setting="budget.monthly",
        value=1234,
        token="aws:budgets/budget:Budget",
        name="budget-budget",
        changes="limitAmount",
    ),
    Change(setting="cluster.logDays", value=400, token=LOG_GROUP, name="eks-logs", changes="retentionInDays"),
    Change(
        setting="cluster.systemPool.max",
        value=11,
        token=NODE_GROUP,
        name="eks-system",
        changes="scalingConfig",
    ),
    Change(
        setting="cluster.systemPool.min",
        value=4,
        token=NODE_GROUP,
        name="eks-system",
        changes="scalingConfig",
    ),
    Change(
        setting="cluster.systemPool.diskGib",
        value=150,
        token=LAUNCH_TEMPLATE,
        name="eks-system",
        changes="blockDeviceMappings",
    ),
    Change(
        setting="cluster.kubernetesVersion",
        value="1.37",
        token=CLUSTER,
        name="eks-control-plane",
        changes="version",
    ),
    Change(
        setting="cluster.addons",
        value=dict.fromkeys(EKS_ADDON_NAMES, "v1.37.0-eksbuild.1"),
        token="aws:eks/addon:Addon",
        name="eks-coredns",
        changes="addonVersion",
    ),
    Change(
        setting="cluster.autoscalerRelease",
        value="v1.37.0",
        token="kubernetes:apps/v1:Deployment",
        name="cluster-autoscaler-server",
    ),
    Change(
        setting="cluster.administrators.1",
        value="arn:aws:iam::111122223333:role/second-administrator",
        token="aws:eks/accessEntry:AccessEntry",
        name="second-administrator",
        operation="create",
    ),
    Change(
        setting="storage.postgresSize",
        value="200Gi",
        token=INSTANCE,
        name="postgres",
        changes="allocatedStorage",
    ),
    Change(
        setting="storage.rds.postgresClass",
        value="db.r7g.xlarge",
        token=INSTANCE,
        name="postgres",
        changes="instanceClass",
    ),
    Change(
        setting="storage.pipelinesDatabaseSize",
        value="300Gi",
        token=INSTANCE,
        name="mysql",
        changes="allocatedStorage",
    ),
    Change(
        setting="storage.rds.pipelinesClass",
        value="db.r7g.xlarge",
        token=INSTANCE,
        name="mysql",
        changes="instanceClass",
    ),
    Change(
        setting="storage.rds.backupDays",
        value=21,
        token=INSTANCE,
        name="mysql",
        changes="backupRetentionPeriod",
    ),
    Change(
        setting="storage.rds.applyChanges",
        value="inWindow",
        token=INSTANCE,
        name="postgres",
        changes="applyImmediately",
    ),
    Change(
        setting="storage.rds.majorUpgrades",
        value=True,
        token=INSTANCE,
        name="mysql",
        changes="allowMajorVersionUpgrade",
    ),
    Change(
        setting="storage.rds.multiAz",
        value=True,
        token=INSTANCE,
        name="postgres",
        changes="multiAz",
        stacks=("dev",),
    ),
    Change(
        setting="storage.s3.noncurrentDays",
        value=90,
        token=_BUCKET_LIFECYCLE,
        name="object-store-mlflow",
        changes="rules",
    ),
    Change(
        setting="monitoring.storageSize",
        value="40Gi",
        token="kubernetes:monitoring.coreos.com/v1:Prometheus",
        name="monitoring",
    ),
    # The new nodes come before the old ones go.
    Change(
        setting="gpuPools.0.instanceTypes",
        value=["g6.4xlarge"],
        token=NODE_GROUP,
        name="gpu-",
        changes="instanceTypes",
        operation="replace",
    ),
    Change(
        setting="gpuPools.0.max",
        value=12,
        token=NODE_GROUP,
        name="gpu-",
        changes="scalingConfig",
        operation="replace",
    ),
    Change(
        setting="gpuPools.+",
        value=_POOL,
        token=NODE_GROUP,
        name="gpu-added",
        operation="create",
    ),
)


def changes_of(stack: str) -> list[Change]:
    """Return the changes to try on a stack."""
    return [each for each in CHANGES if stack in each.stacks]


def applied(content: Mapping[str, Any], changes: list[Change]) -> dict[str, Any]:
    """Return a stack file's content with the changes."""
    made = deepcopy(dict(content))
    for each in changes:
        section, *path = each.setting.split(".")
        key = f"{PROJECT}:{section}"
        config: dict[str, Any] = made["config"]
        config[key] = _with(config.get(key), path, each.value)
    return made


def _with(value: Any, path: list[str], new: Any) -> Any:
    """Return a copy of a value with `new` at a path; `+`, or the index after the last, appends to a list."""
    if not path:
        return new
    name, *rest = path
    if name == "+" or name.isdigit():
        listed = list(cast("list[Any]", value or []))
        number = len(listed) if name == "+" else int(name)
        inner = _with(listed[number] if number < len(listed) else None, rest, new)
        return [*listed[:number], inner, *listed[number + 1 :]]
    table = dict(cast("dict[str, Any]", value or {}))
    return table | {name: _with(table.get(name), rest, new)}


def find_unplanned(changes: list[Change], planned: list[PlannedResource]) -> list[str]:
    """Return the changes that the plan does not show on the expected resource."""
    missing: list[str] = []
    for each in changes:
        candidates = [one for one in planned if one.token == each.token and each.name in one.name]
        shown = [
            one
            for one in candidates
            if one.operation == each.operation and (not each.changes or each.changes in one.changed)
        ]
        if not shown:
            actual = {one.name: (one.operation, one.changed) for one in candidates}
            missing.append(f"{each.setting}: no {each.operation} of {each.name} {each.changes}: {actual}")
    return missing


def find_data_loss(planned: list[PlannedResource]) -> list[str]:
    """Return the resources that hold data and would be replaced or deleted."""
    return [
        f"{each.operation} of {each.token} {each.name}: {', '.join(each.replacing)}"
        for each in planned
        if each.token in replacements.STATEFUL
        if each.operation not in ("same", "update", "create", "refresh")
    ]
