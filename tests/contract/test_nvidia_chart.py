"""The device plugin runs as NVIDIA's own chart runs it, except for what is listed here with its reason."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from components import manifests
from components.gpus.gpu_pools import GpuPool, Mig
from components.gpus.nvidia_device_plugin import NvidiaDevicePlugin, NvidiaDevicePluginArgs
from tests.fixtures.recorder import deploy

_PROJECT, _MODULE = "nvidia-device-plugin", "github.com/NVIDIA/k8s-device-plugin"
_CHART = "deployments/helm/nvidia-device-plugin"
_TAG = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")
_INCLUDE = re.compile(r'include "([\w.-]+)" \.( \| nindent (\d+))?')

_IMAGE = "an environment variable of the image, NVIDIA's and ours"
_SETTINGS = "as a flag in the file of settings"
_MPS = "GPUs are shared by MIG or in turns, never by MPS"
_CDI = "NVIDIA's runtime gives pods their devices by the environment: no CDI"
_POOLS = "pools are selected, because each way of sharing has its own plugin"
# Path of what differs -> why; what is only NVIDIA's, only ours, or has another value in both.
DEVIATIONS = {
    "containers plugin args": _SETTINGS,
    "containers plugin env MIG_STRATEGY": _SETTINGS,
    "containers plugin env DP_DISABLE_HEALTHCHECKS": "on purpose empty: all checks run",
    "containers plugin env MPS_ROOT": _MPS,
    "containers plugin env NVIDIA_DRIVER_CAPABILITIES": _IMAGE,
    "containers plugin env NVIDIA_VISIBLE_DEVICES": _IMAGE,
    "containers plugin volumeMounts /dev/shm": _MPS,
    "containers plugin volumeMounts /mps": _MPS,
    "containers plugin volumeMounts /var/run/cdi": _CDI,
    "containers plugin volumeMounts /etc/nvidia-device-plugin": "the file of settings",
    "volumes mps-root": _MPS,
    "volumes mps-shm": _MPS,
    "volumes cdi-root": _CDI,
    "volumes settings": "the file of settings",
    "containers plugin resources": "the chart leaves them to who installs it",
    "containers plugin securityContext readOnlyRootFilesystem": "it writes to the kubelet's folder alone",
    "containers plugin terminationMessagePolicy": "the pod's status says why it ended",
    "affinity nodeAffinity requiredDuringSchedulingIgnoredDuringExecution nodeSelectorTerms": _POOLS,
    "tolerations CriticalAddonsOnly": "deprecated, as the chart says itself",
    "securityContext": "the image's own user, and no rare system calls",
    "automountServiceAccountToken": "it calls no API of Kubernetes",
    "enableServiceLinks": "it looks at no Service",
}
MIG_DEVIATIONS = {
    "containers plugin securityContext capabilities drop": "all but the one that it needs",
    "containers plugin securityContext allowPrivilegeEscalation": "the default, which the chart leaves out",
}


def _chart(strategy: str) -> dict[str, Any]:
    """Return the DaemonSet that the chart makes with its own values and a MIG strategy."""
    values = yaml.safe_load(manifests.text(_PROJECT, _MODULE, f"{_CHART}/values.yaml"))
    values["migStrategy"] = strategy
    template = manifests.text(_PROJECT, _MODULE, f"{_CHART}/templates/daemonset-device-plugin.yml")
    helpers = manifests.text(_PROJECT, _MODULE, f"{_CHART}/templates/_helpers.tpl")
    (made,) = [each for each in yaml.safe_load_all(_Reader(values, helpers).read(template)) if each]
    return made


class _Reader:
    """Reads as much of Helm's language as this template needs, and refuses what it does not know."""

    def __init__(self, values: dict[str, Any], helpers: str) -> None:
        self._values = values
        self._helpers = helpers
        cut = values["migStrategy"] != "none"
        # What helpers compute from the values by loops that this reader does not have.
        self._known = {
            "$options.hasConfigMap": False,
            "$useServiceAccount": False,
            "$options.addMigMonitorDevices": cut,
            'eq (include "nvidia-device-plugin.requiresCapSysAdmin" .) "true"': cut,
        }

    def _value(self, path: str) -> Any:
        value: Any = self._values
        for name in path.removeprefix(".Values.").split("."):
            # What values.yaml leaves out is nothing, as it is to Helm.
            value = (value or {}).get(name)
        return value

    def _holds(self, condition: str) -> bool:
        if condition in self._known:
            return self._known[condition]
        if kind := re.fullmatch(r'typeIs "(string|bool)" (\.Values\.[\w.]+)', condition):
            return isinstance(self._value(kind[2]), {"string": str, "bool": bool}[kind[1]])
        if length := re.fullmatch(r"ne \(len (\.Values\.[\w.]+)\) 0", condition):
            return bool(self._value(length[1]))
        if re.fullmatch(r"\.Values\.[\w.]+", condition):
            return bool(self._value(condition))
        raise AssertionError(f"the chart asks {condition}: teach it to this test")

    def read(self, template: str) -> str:
        # Each open block: whether it is shown, whether an earlier branch was, and the value of a `with`.
        blocks: list[tuple[bool, bool, Any]] = []
        lines: list[str] = []
        for line in template.splitlines():
            if line.lstrip().startswith("#"):
                continue
            tags = _TAG.findall(line)
            shown = all(block[0] for block in blocks)
            word, _, rest = (tags[0] if tags else "").partition(" ")
            if word in ("if", "with"):
                holds = self._holds(rest)
                blocks.append((holds, holds, self._value(rest) if word == "with" else None))
            elif word == "else":
                _, before, _ = blocks.pop()
                holds = not before and (not rest or self._holds(rest.removeprefix("if ")))
                blocks.append((holds, before or holds, None))
            elif word == "end":
                blocks.pop()
            elif shown and not word.startswith("$"):
                lines.append(self._line(line, tags, blocks[-1][2] if blocks else None))
        return "\n".join(lines)

    def _line(self, line: str, tags: list[str], context: Any) -> str:
        for tag in tags:
            text, indent = self._expand(tag, context)
            block = "".join(f"\n{' ' * indent}{each}" for each in text.splitlines()) if indent else text
            line = _TAG.sub(lambda _, block=block: block, line, count=1)
        return line

    def _expand(self, tag: str, context: Any) -> tuple[str, int]:
        if whole := re.fullmatch(r"toYaml (\.Values\.[\w.]+|\.) \| nindent (\d+)", tag):
            value = context if whole[1] == "." else self._value(whole[1])
            return yaml.safe_dump(value), int(whole[2])
        if re.fullmatch(r"\.Values\.[\w.]+", tag):
            return str(self._value(tag)), 0
        if found := _INCLUDE.fullmatch(tag):
            return (self._helper(found[1]), int(found[3])) if found[2] else ("a-name", 0)
        if tag.startswith('include "nvidia-device-plugin.podAnnotations"'):
            return "{}", 8
        if tag == "$daemonsetName":
            return "a-name", 0
        raise AssertionError(f"the chart writes {tag}: teach it to this test")

    def _helper(self, name: str) -> str:
        if not name.endswith(".securityContext"):
            return "{}"
        after = self._helpers.partition(f'define "{name}"')[2].partition("\n")[2]
        # Up to the end of the definition, which closes one more block than its conditions open.
        depth, lines = 1, list[str]()
        for line in after.splitlines():
            word = next(iter(_TAG.findall(line)), "").partition(" ")[0]
            depth += (word in ("if", "with", "range")) - (word == "end")
            if not depth:
                return self.read("\n".join(lines))
            lines.append(line)
        raise AssertionError(f"{name} has no end")


def _plain(pod: dict[str, Any]) -> dict[str, Any]:
    """Return a pod with lists as mappings, by what identifies their items, without names that differ."""
    (container,) = pod["containers"]
    kept = {key: value for key, value in container.items() if key not in ("name", "image", "ports")}
    named = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {each["mountPath"]: {**each, "name": ""} for each in container["volumeMounts"]}
    sockets = {"kubelet-device-plugins-dir": "sockets"}
    return {
        **pod,
        "containers": {
            "plugin": {
                **kept,
                "env": {each["name"]: each["value"] for each in container["env"]},
                "volumeMounts": mounts,
            }
        },
        "volumes": {sockets.get(name, name): {**each, "name": ""} for name, each in named.items()},
        "tolerations": {each["key"]: each for each in pod["tolerations"]},
    }


def _different(theirs: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each value that differs, as high as only one of the two has it."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted(theirs.keys() | ours.keys()):
            inner = f"{path} {key}".strip()
            # To Kubernetes an empty list or mapping is nothing.
            one, other = (None if each.get(key) in ({}, []) else each.get(key) for each in (theirs, ours))
            if one is None or other is None:
                yield from [inner] if one != other else []
            else:
                yield from _different(one, other, inner)
    elif theirs != ours:
        yield path


def daemon_set(strategy: str) -> dict[str, Any]:
    """Return our DaemonSet for a pool with whole GPUs, or with GPUs that are cut."""
    sharing = Mig(profile="1g.10gb") if strategy == "single" else None
    pools = (GpuPool(name="pool", devices_per_node=1, max_nodes=1, sharing=sharing),)
    deployment = deploy(lambda: NvidiaDevicePlugin("x", NvidiaDevicePluginArgs(image="i", pools=pools)))
    return deployment.one("DaemonSet").inputs


def unexplained(strategy: str, ours: Mapping[str, Any]) -> list[str]:
    """Return the differences from NVIDIA's chart without a reason, and reasons without a difference."""
    chart, plugin = (_plain(each["spec"]["template"]["spec"]) for each in (_chart(strategy), ours))
    expected = DEVIATIONS | (MIG_DEVIATIONS if strategy == "single" else {})
    return sorted(set(_different(chart, plugin)) ^ expected.keys())


@pytest.mark.parametrize("strategy", ["none", "single"])
def test_every_difference_from_nvidias_chart_has_a_reason(strategy: str) -> None:
    ours = daemon_set(strategy)
    assert unexplained(strategy, ours) == []
    assert _chart(strategy)["spec"]["updateStrategy"] == ours["spec"]["updateStrategy"]


def test_the_chart_was_read() -> None:
    """What the comparison is for is there, so that a reader which reads nothing does not pass."""
    pod = _chart("single")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["securityContext"] == {"capabilities": {"add": ["SYS_ADMIN"]}}
    assert {"name": "NVIDIA_MIG_MONITOR_DEVICES", "value": "all"} in container["env"]
    (whole,) = _chart("none")["spec"]["template"]["spec"]["containers"]
    assert whole["securityContext"]["capabilities"] == {"drop": ["ALL"]}
