import json
from typing import Any

import pytest

from cluster import kind
from cluster.instance import Instance
from cluster.kind import KindCluster
from cluster.ports import GATEWAY_NODE_PORT


class _Tool:
    """Answers like the kind tool and records the calls."""

    def __init__(self) -> None:
        self.clusters: list[str] = []
        self.calls: list[list[str]] = []
        self.configuration: dict[str, Any] = {}

    def __call__(self, argv: list[str], *, stdin: str = "", timeout_seconds: float = 0) -> str:
        self.calls.append(argv)
        if argv[1:3] == ["get", "clusters"]:
            return "\n".join(self.clusters)
        if argv[1:3] == ["create", "cluster"]:
            self.configuration = json.loads(stdin)
            self.clusters.append(argv[3].removeprefix("--name="))
        return "kubeconfig" if argv[1:3] == ["get", "kubeconfig"] else ""


@pytest.fixture
def tool(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> _Tool:
    tool = _Tool()
    monkeypatch.setattr(kind, "run", tool)
    return tool


def test_create_makes_a_cluster_once_and_publishes_the_gateway(tool: _Tool, instance: Instance) -> None:
    cluster = KindCluster("test")
    assert cluster.create() == cluster.create()
    assert tool.clusters == ["plinth-test"]
    (mapping,) = tool.configuration["nodes"][0]["extraPortMappings"]
    assert (mapping["containerPort"], mapping["listenAddress"]) == (GATEWAY_NODE_PORT, "127.0.0.1")
    assert instance.kubeconfig.read_text() == "kubeconfig"
    assert instance.kubeconfig.stat().st_mode & 0o777 == 0o600


def test_delete_names_the_cluster(tool: _Tool) -> None:
    KindCluster("test").delete()
    assert tool.calls[0] == ["kind", "delete", "cluster", "--name=plinth-test"]
