"""Nodes of a TrainJob as processes of this machine, in place of a cluster."""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from kubernetes import client


@dataclass
class Machine:
    """What the step asks of the Kubernetes API, answered by processes."""

    environment: dict[str, str] = field(default_factory=dict[str, str])
    """Of nodes, in addition to their own."""
    body: dict[str, Any] = field(default_factory=dict[str, Any])
    queue: dict[str, Any] | None = None
    """The ClusterQueue of the namespace."""
    quotas: list[Any] = field(default_factory=list[Any])
    deleted: list[str] = field(default_factory=list[str])
    nodes: list[subprocess.Popen[str]] = field(default_factory=list[subprocess.Popen[str]])

    def create(self, body: dict[str, Any], **_: Any) -> None:
        """Start the nodes."""
        self.body = body
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        trainer = body["spec"]["trainer"]
        own = {each["name"]: each["value"] for each in trainer["env"]}
        for node in range(trainer["numNodes"]):
            where = {
                "DMLC_TRACKER_URI": "localhost",
                "DMLC_TRACKER_PORT": str(port),
                "DMLC_NUM_WORKER": str(trainer["numNodes"]),
                "DMLC_TASK_ID": str(node),
            }
            self.nodes.append(
                subprocess.Popen(
                    [sys.executable, *trainer["command"][1:]],
                    env={**os.environ, **own, **where, **self.environment},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )

    def get(self, plural: str, **_: Any) -> dict[str, Any]:
        """Return the TrainJob as its nodes are, or the queue of the namespace."""
        if plural == "localqueues":
            if self.queue is None:
                raise client.ApiException(status=404)
            return {"spec": {"clusterQueue": "team"}}
        codes = [each.poll() for each in self.nodes]
        conditions: list[dict[str, str]] = []
        if any(codes):
            conditions = [
                {"type": "Failed", "status": "True", "reason": "JobsFailed", "message": "jobset failed"}
            ]
        elif all(code == 0 for code in codes):
            conditions = [{"type": "Complete", "status": "True", "reason": "All", "message": "done"}]
        return {"status": {"conditions": conditions}}

    def pods(self, *_: Any, **__: Any) -> Any:
        """Return the pods of nodes that have failed."""
        return SimpleNamespace(
            items=[_pod(place, node) for place, node in enumerate(self.nodes) if node.poll()]
        )

    def delete(self, name: str, **_: Any) -> None:
        """End every node."""
        self.deleted.append(name)
        self.end()

    def end(self) -> None:
        """End every node."""
        for each in self.nodes:
            each.kill()
            each.wait()
            if each.stdout:
                each.stdout.close()


def _pod(place: int, node: "subprocess.Popen[str]") -> Any:
    assert node.stdout is not None
    said = "" if node.stdout.closed else node.stdout.read()
    ended = SimpleNamespace(
        exit_code=node.returncode, reason="Error", message=said, finished_at=datetime.now(UTC)
    )
    state = SimpleNamespace(terminated=ended, waiting=None)
    return SimpleNamespace(
        metadata=SimpleNamespace(name=f"nodes-run-1-node-0-{place}"),
        status=SimpleNamespace(container_statuses=[SimpleNamespace(state=state)], conditions=[]),
    )
