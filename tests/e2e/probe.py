"""A pod that tries what it can reach: addresses, the Kubernetes API and the object store."""

import json
from collections.abc import Mapping
from typing import Any

from tests.fixtures.admission_cases import RESTRICTED
from workloads.wait import wait_for

# Network policies of a new pod take a second to apply, so each address is tried until it answers as expected.
_UNTIL_OPEN = """
import socket, sys, time
def until_open(address):
    host, port = address.rsplit(":", 1)
    deadline = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection((host, int(port)), timeout=3).close()
        except OSError as error:
            if time.monotonic() > deadline:
                sys.exit(f"{address}: {error}")
"""
_PROGRAM = """
import json, socket, sys, time
def answers(address):
    host, port = address.rsplit(":", 1)
    try:
        with socket.create_connection((host, int(port)), timeout=3):
            return "open"
    except socket.gaierror:
        return "unknown name"
    except OSError:
        return "closed"
def settled(address, wanted):
    deadline, answer = time.monotonic() + 20, ""
    while answer != wanted and time.monotonic() < deadline:
        answer = answers(address)
    return answer
wanted = json.loads(sys.argv[1])
print(json.dumps({address: settled(address, state) for address, state in wanted.items()}))
"""


def run(
    api: Any,
    namespace: str,
    image: str,
    program: str,
    *arguments: str,
    labels: Mapping[str, str] | None = None,
    after: str = "",
    **spec: object,
) -> Any:
    """Run a Python program in a pod to its end, and return the JSON that it prints.

    Args:
        api: client of the core API.
        namespace: where the pod is.
        image: image with Python.
        program: text of the program.
        arguments: of the program.
        labels: labels of the pod.
        after: address, host:port, that must be open first: policies of a new pod take a second to apply.
        spec: further fields of the pod's spec; `env` is the container's.

    Raises:
        AssertionError: the program failed.
    """
    if after:
        program = f"{_UNTIL_OPEN}until_open({after!r})\n{program}"
    container = {
        "name": "probe",
        "image": image,
        "command": ["python3", "-c", program, *arguments],
        "env": spec.pop("env", []),
        "securityContext": RESTRICTED,
    }
    pod = {
        "metadata": {"generateName": "probe-", "labels": {**(labels or {})}},
        "spec": {"restartPolicy": "Never", "containers": [container], **spec},
    }
    wait_for("the service account", lambda: _account(api, namespace), timeout_seconds=30)
    name: str = api.create_namespaced_pod(namespace, pod).metadata.name
    try:
        wait_for("the probe", lambda: _unfinished(api, namespace, name), timeout_seconds=300)
        # By default the client decodes a log that looks like JSON, and returns the text of a Python value.
        return json.loads(api.read_namespaced_pod_log(name, namespace, _preload_content=False).data)
    finally:
        api.delete_namespaced_pod(name, namespace)


def reach(api: Any, namespace: str, image: str, wanted: Mapping[str, str], **pod: Any) -> Mapping[str, str]:
    """Return whether each address, host:port, is open or closed to a pod; `pod` as for `run`."""
    return run(api, namespace, image, _PROGRAM, json.dumps(wanted), **pod)


def _account(api: Any, namespace: str) -> str | None:
    accounts = api.list_namespaced_service_account(namespace).items
    return None if accounts else "no service account yet"


def _unfinished(api: Any, namespace: str, name: str) -> str | None:
    phase: str = api.read_namespaced_pod(name, namespace).status.phase
    if phase == "Failed":
        raise AssertionError(f"the probe failed: {api.read_namespaced_pod_log(name, namespace)}")
    return None if phase == "Succeeded" else phase
