"""Rule for logs: a service that would create its log group itself finds one, whose logs expire."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from simulation.aws.planned import PlannedResource

_GROUP = "aws:cloudwatch/logGroup:LogGroup"
_Faults = Iterator[tuple[PlannedResource, str]]


def _of_cluster(inputs: Mapping[str, Any]) -> list[str]:
    return [f"/aws/eks/{inputs['name']}/cluster"] if inputs.get("enabledClusterLogTypes") else []


def _of_database(inputs: Mapping[str, Any]) -> list[str]:
    name = inputs.get("identifier", "NAME")
    return [f"/aws/rds/instance/{name}/{log}" for log in inputs.get("enabledCloudwatchLogsExports") or []]


# Services that create log groups themselves: without retention, with AWS's own key, and past the stack's end.
_WRITERS: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "aws:eks/cluster:Cluster": _of_cluster,
    "aws:rds/instance:Instance": _of_database,
}


def find_unmanaged(
    resources: Sequence[PlannedResource], before: Callable[[PlannedResource], Sequence[PlannedResource]]
) -> _Faults:
    """Yield each log group that never expires, and each that a service would create itself.

    Args:
        resources: the resources in AWS.
        before: resource -> resources that exist before it.
    """
    for each in resources:
        if each.token == _GROUP and not each.inputs.get("retentionInDays"):
            yield each, "keeps logs for ever"
        if each.token in _WRITERS:
            made = {one.inputs.get("name") for one in before(each) if one.token == _GROUP}
            for name in _WRITERS[each.token](each.inputs):
                if name not in made:
                    yield each, f"would create log group {name} itself"
