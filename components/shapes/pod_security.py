"""Settings of pods that every component shares: the restricted Pod Security Standard, sizes and probes."""

from typing import Literal

from pulumi_kubernetes.core import v1

PodSecurityLevel = Literal["privileged", "baseline", "restricted"]


def namespace_labels(level: PodSecurityLevel) -> dict[str, str]:
    """Return the labels that make a namespace refuse pods below a Pod Security level."""
    return {f"pod-security.kubernetes.io/{mode}": level for mode in ("enforce", "warn", "audit")}


def pod_context(user_id: int) -> v1.PodSecurityContextArgsDict:
    """Return the pod-level settings of the restricted standard, as one numeric user who owns the volumes."""
    return {
        "run_as_non_root": True,
        "run_as_user": user_id,
        "run_as_group": user_id,
        "fs_group": user_id,
        "fs_group_change_policy": "OnRootMismatch",
        "seccomp_profile": {"type": "RuntimeDefault"},
    }


def container_context() -> v1.SecurityContextArgsDict:
    """Return the container-level settings of the restricted standard, with a read-only root file system."""
    return {
        "allow_privilege_escalation": False,
        "read_only_root_filesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def sizes(*, cpu: str, memory: str, memory_limit: str) -> v1.ResourceRequirementsArgsDict:
    """Return requests and a memory limit.

    No CPU limit: throttling stretches start-up and probes, and requests already share the CPU fairly.
    """
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory_limit}}


def http_probe(path: str, port: int | str, *, period_seconds: int, failures: int) -> v1.ProbeArgsDict:
    """Return an HTTP probe; the pod has `period_seconds` times `failures` to answer."""
    return {
        "http_get": {"path": path, "port": port},
        "period_seconds": period_seconds,
        "failure_threshold": failures,
        "timeout_seconds": 5,
    }


def command_probe(command: list[str], *, period_seconds: int, failures: int) -> v1.ProbeArgsDict:
    """Return a probe that runs a command in the container."""
    return {
        "exec_": {"command": command},
        "period_seconds": period_seconds,
        "failure_threshold": failures,
        "timeout_seconds": 5,
    }
