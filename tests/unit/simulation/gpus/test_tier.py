"""The tier's stack, its waits and the order in which its objects are made."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster import lock
from cluster.errors import ClusterError
from cluster.instance import Instance
from infra.settings.cluster import ClusterSettings
from infra.settings.pools import Provisioner
from simulation.gpus import tier as simulated
from simulation.gpus.programs import ProgramEndedError
from simulation.gpus.tier import Tier


class StubApi:
    """Answers lists, and keeps what is created in order."""

    def __init__(self, lists: Mapping[str, list[Any]] | None = None) -> None:
        self.lists = dict(lists or {})
        self.created: list[dict[str, Any]] = []
        self.queries: list[dict[str, str]] = []

    def items(self, path: str, **query: str) -> list[Any]:
        """Return the objects of a list."""
        self.queries.append(query)
        return self.lists.get(path, [])

    def create(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Keep an object."""
        self.created.append(manifest)
        return manifest

    def create_all(self, manifests: Any) -> None:
        """Keep objects."""
        self.created += manifests


class StubPrograms:
    """Programs that run until `ended` names one."""

    ended = ""

    def check(self) -> None:
        """Raise if a program has ended."""
        if self.ended:
            raise ProgramEndedError(self.ended)


def stub_tier(api: StubApi) -> Tier:
    programs: Any = StubPrograms()
    client: Any = api
    return Tier(api=client, programs=programs, settings=simulated.settings(), authority=Path("ca.crt"))


def test_a_second_tier_is_refused_and_deletes_nothing_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path))
    instance = Instance("gpu-sim")
    instance.folder.mkdir(parents=True)
    (instance.folder / "of-the-first").touch()
    with lock.held(instance, "make gpu-sim"):
        with pytest.raises(ClusterError, match="cluster 'gpu-sim' is in use by `make gpu-sim`"):
            simulated.running().__enter__()
        assert (instance.folder / "of-the-first").exists()


def test_the_simulated_stack_is_checked_as_any_stack_is() -> None:
    settings = simulated.settings()
    assert {pool.name: pool.max for pool in settings.gpu_pools} == {
        "training": 1000,
        "inference": 4,
        "burst": 80,
    }
    assert [pool.name for pool in settings.gpu_pools if pool.provisioner is Provisioner.KARPENTER] == [
        "burst"
    ]
    assert [team.name for team in settings.teams] == ["research", "applied"]


def test_a_pool_is_found_by_name() -> None:
    assert stub_tier(StubApi()).pool("burst").max == 80
    with pytest.raises(StopIteration):
        stub_tier(StubApi()).pool("absent")


def test_a_tier_on_another_kind_of_cluster_is_refused() -> None:
    tier = stub_tier(StubApi())
    here = tier.settings.model_copy(update={"cluster": ClusterSettings(kind="kubeconfig", name="here")})
    with pytest.raises(TypeError, match="needs a cluster of kind eks"):
        _ = replace(tier, settings=here).cluster


def test_nodes_of_a_pool_are_selected_by_its_label() -> None:
    api = StubApi({"/api/v1/nodes": [{"kind": "Node"}]})
    assert stub_tier(api).pool_nodes("burst") == [{"kind": "Node"}]
    assert api.queries == [{"labelSelector": "plinth.dev/gpu-pool=burst"}]


def test_a_wait_ends_as_soon_as_a_program_has_ended() -> None:
    tier = stub_tier(StubApi())
    stub: Any = tier.programs
    stub.ended = "kueue ended with 1"
    with pytest.raises(ProgramEndedError, match="kueue ended with 1"):
        tier.wait("a state that never comes", lambda: "never", timeout_seconds=600)


def test_a_wait_that_is_over_names_the_last_state() -> None:
    with pytest.raises(ClusterError, match="a gang runs: not after 0 s; last seen: 3 of 64"):
        stub_tier(StubApi()).wait("a gang runs", lambda: "3 of 64", timeout_seconds=0)


def _active(name: str, status: str = "True") -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "status": {"conditions": [{"type": "Active", "status": status, "message": "no flavor"}]},
    }


CLUSTER_QUEUES = "/apis/kueue.x-k8s.io/v1beta2/clusterqueues"


def test_every_team_gets_a_local_queue_after_its_cluster_queue() -> None:
    api = StubApi({CLUSTER_QUEUES: [_active("research"), _active("applied")]})
    simulated._add_queues(stub_tier(api))
    kinds = [each["kind"] for each in api.created]
    assert kinds.count("LocalQueue") == 2
    assert kinds.index("LocalQueue") > kinds.index("ClusterQueue") > kinds.index("ResourceFlavor")


def test_a_queue_that_stays_inactive_is_named_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated, "_START_SECONDS", 0)
    api = StubApi({CLUSTER_QUEUES: [_active("research"), _active("applied", "False")]})
    with pytest.raises(ClusterError, match=r"queues are active: .*applied: no flavor"):
        simulated._add_queues(stub_tier(api))


def _node(ready: str, *taints: str) -> dict[str, Any]:
    return {
        "spec": {"taints": [{"key": key} for key in taints]},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def test_pools_of_node_groups_are_there_from_the_beginning_and_karpenters_start_at_zero() -> None:
    api = StubApi({"/api/v1/nodes": [_node("True")] * 1006})
    simulated._add_nodes(stub_tier(api))
    nodes = [each["metadata"]["name"] for each in api.created if each["kind"] == "Node"]
    assert len(nodes) == 1000 + 4 + 2
    assert not [name for name in nodes if name.startswith("burst")]
    assert [each["kind"] for each in api.created if each["kind"] != "Node"] == ["KWOKNodeClass", "NodePool"]


@pytest.mark.parametrize("last", [_node("False"), _node("True", simulated.NOT_READY)])
def test_a_node_that_is_not_ready_or_still_tainted_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, last: dict[str, Any]
) -> None:
    monkeypatch.setattr(simulated, "_NODES_SECONDS", 0)
    api = StubApi({"/api/v1/nodes": [*[_node("True")] * 1005, last]})
    with pytest.raises(ClusterError, match="last seen: 1005 of 1006"):
        simulated._add_nodes(stub_tier(api))
