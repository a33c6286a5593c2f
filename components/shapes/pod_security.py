"""Settings of pods that every component shares: the restricted Pod Security Standard, sizes and probes."""

from typing import Final, Literal

from pulumi_kubernetes.core import v1

PodSecurityLevel = Literal["privileged", "baseline", "restricted"]

USER: Final = 65532
"""The user that images of static programs run as; upstream's own images accept it."""
ROOT: Final = 0


def namespace_labels(level: PodSecurityLevel) -> dict[str, str]:
    """Return the labels that make a namespace reject pods below a Pod Security level."""
    return {f"pod-security.kubernetes.io/{mode}": level for mode in ("enforce", "warn", "audit")}


def pod_context(user: int = USER) -> v1.PodSecurityContextArgsDict:
    """Return the pod-level security context for one numeric user, who owns the pod's volumes.

    It meets the restricted standard unless the user is root.
    """
    if user == ROOT:
        return {"run_as_user": ROOT, "seccomp_profile": {"type": "RuntimeDefault"}}
    return {
        "run_as_non_root": True,
        "run_as_user": user,
        "run_as_group": user,
        "fs_group": user,
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

    No CPU limit: throttling slows start-up and probes, and requests already share the CPU fairly.
    """
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory_limit}}


def http_probe(path: str, port: int | str, *, startup_seconds: int = 180) -> v1.ProbeArgsDict:
    """Return an HTTP health check of a server that may take this long to start."""
    return {"http_get": {"path": path, "port": port}, **_limits(startup_seconds)}


def tcp_probe(port: int, *, startup_seconds: int = 180) -> v1.ProbeArgsDict:
    """Return a health check that succeeds while a server listens on a port."""
    return {"tcp_socket": {"port": port}, **_limits(startup_seconds)}


def command_probe(command: list[str], *, startup_seconds: int = 180) -> v1.ProbeArgsDict:
    """Return a health check that runs a command in the container."""
    return {"exec_": {"command": command}, **_limits(startup_seconds)}


def _limits(startup_seconds: int) -> v1.ProbeArgsDict:
    return {"failure_threshold": startup_seconds, "timeout_seconds": 5}
