"""Node groups of the simulated account with the sizes that they have now, whoever set them."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from simulation.aws.live_state import RefusedError

TOKEN: Final = "aws:eks/nodeGroup:NodeGroup"
_SIZES: Final = ("minSize", "maxSize", "desiredSize")
# EKS ends the names of its scaling groups in a UUID.
_ENDING: Final = "00000000-0000-4000-8000-000000000000"
# EKS tags them so that the autoscaler finds those of its cluster.
_CLUSTER_TAG: Final = "tag:k8s.io/cluster-autoscaler/"


def scaling_group(group: str) -> str:
    """Return the name of the scaling group that EKS makes for a node group."""
    return f"eks-{group}-{_ENDING}"


@dataclass
class NodeGroups:
    """Sizes by scaling group, and the cluster that each belongs to."""

    _sizes: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    _clusters: dict[str, str] = field(default_factory=dict[str, str])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def create(self, inputs: Mapping[str, Any]) -> None:
        """Add a group."""
        name = scaling_group(str(inputs["nodeGroupName"]))
        with self._lock:
            self._sizes[name] = _given(inputs)
            self._clusters[name] = str(inputs["clusterName"])

    def update(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """Change the sizes of a group if the program did: the provider then sends all three.

        Raises:
            RefusedError: the group would have more nodes than its maximum.
        """
        if _given(old) == _given(new):
            return
        given = _given(new)
        if given["desiredSize"] > given["maxSize"]:
            raise RefusedError(
                f"InvalidParameterException: desired capacity {given['desiredSize']} can't be greater than "
                f"max size {given['maxSize']}"
            )
        with self._lock:
            self._sizes[scaling_group(str(new["nodeGroupName"]))] = given

    def delete(self, inputs: Mapping[str, Any]) -> None:
        """Remove a group."""
        with self._lock:
            self._sizes.pop(scaling_group(str(inputs["nodeGroupName"])), None)

    def scale(self, group: str, nodes: int) -> None:
        """Set the number of nodes of the only group whose name contains a text, as an autoscaler does."""
        with self._lock:
            (name,) = [each for each in self._sizes if group in each]
            self._sizes[name]["desiredSize"] = nodes

    def nodes(self, group: str) -> int:
        """Return the number of nodes of the only group whose name contains a text."""
        (found,) = [sizes["desiredSize"] for name, sizes in self._sizes.items() if group in name]
        return found

    def answer(self, function: str, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the result of a function that reads scaling groups, or None for any other function."""
        match function:
            case "aws:autoscaling/getAmiIds:getAmiIds":
                return self._list(arguments)
            case "aws:autoscaling/getGroup:getGroup":
                name = str(arguments["name"])
                least, most, nodes = (self._sizes[name][each] for each in _SIZES)
                return {"id": name, "name": name, "minSize": least, "maxSize": most, "desiredCapacity": nodes}
            case _:
                return None

    def _list(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        tags = {str(each["name"]) for each in arguments.get("filters") or []}
        names = [name for name in sorted(self._sizes) if tags <= {f"{_CLUSTER_TAG}{self._clusters[name]}"}]
        return {"id": "groups", "names": names, "arns": [f"arn:aws:autoscaling:::{name}" for name in names]}


def _given(inputs: Mapping[str, Any]) -> dict[str, int]:
    return {each: int(inputs["scalingConfig"][each]) for each in _SIZES}
