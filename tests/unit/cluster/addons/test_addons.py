from typing import Any

import pytest

from cluster.addons import addons
from cluster.instance import Addresses, Instance
from upstream import image_recipe

_STARTED = 1_700_000_000.7
_NEW = "2023-11-14T22:13:20Z"
_OLD = "2023-11-14T22:13:19Z"


def _listing(*, heartbeat: str = _NEW, transition: str = _NEW, ready: str = "True") -> dict[str, Any]:
    node: dict[str, Any] = {
        "kind": "Node",
        "metadata": {"name": "n"},
        "status": {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": heartbeat}]},
    }
    pod: dict[str, Any] = {
        "kind": "Pod",
        "metadata": {"name": "coredns-x", "labels": {"k8s-app": "kube-dns"}},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": transition}],
        },
    }
    return {"items": [node, pod]}


def test_a_cluster_is_ready_when_node_and_pods_said_so_since_the_start() -> None:
    assert addons.pending(_listing(), _STARTED) is None


@pytest.mark.parametrize(
    ("listing", "reason"),
    [
        ({"items": []}, "has not registered"),
        (_listing(heartbeat=_OLD), "no report since the start"),
        (_listing(transition=_OLD), "coredns: pod is Running"),
        (_listing(ready="False"), "coredns: pod is Running"),
    ],
)
def test_what_was_true_before_a_restart_does_not_count(listing: dict[str, Any], reason: str) -> None:
    assert reason in (addons.pending(listing, _STARTED) or "")


def test_pods_that_ended_or_are_ready_again_are_back() -> None:
    def pod(name: str, phase: str, transition: str, policy: str = "Always") -> dict[str, Any]:
        conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": transition}]
        return {
            "metadata": {"namespace": "n", "name": name},
            "spec": {"restartPolicy": policy},
            "status": {"phase": phase, "conditions": conditions},
        }

    pods = [
        pod("back", "Running", _NEW),
        pod("stale", "Running", _OLD),
        pod("done", "Succeeded", _OLD),
        pod("step", "Running", _OLD, policy="Never"),
    ]
    assert addons.not_back({"items": pods}, _STARTED) == ["n/stale"]


def test_a_waiting_container_explains_itself() -> None:
    listing = _listing(ready="False")
    waiting = {"reason": "ErrImagePull", "message": "not found"}
    listing["items"][1]["status"]["containerStatuses"] = [{"state": {"waiting": waiting}}]
    assert addons.pending(listing, _STARTED) == "coredns: ErrImagePull not found"


@pytest.mark.usefixtures("programs")
def test_equal_objects_are_applied_once(
    instance: Instance, addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: list[str | None] = []
    instance.folder.mkdir(parents=True)
    instance.keep(addresses)
    monkeypatch.setattr(addons, "kubectl", lambda *_, stdin: applied.append(stdin))
    addons.apply(instance)
    addons.apply(instance)
    assert len(applied) == 1


@pytest.mark.usefixtures("programs")
def test_every_image_that_the_objects_use_is_required_beforehand() -> None:
    def images(node: object) -> set[str]:
        if isinstance(node, dict):
            own = {node["image"]} if isinstance(node.get("image"), str) else set[str]()
            return own.union(*(images(value) for value in node.values()))
        return set[str]().union(*(images(item) for item in node)) if isinstance(node, list) else set()

    assert images(addons.manifests("10.213.0.2")) <= set(addons.images().values())


def test_every_image_is_named_by_its_content() -> None:
    for name, reference in addons.images().items():
        assert reference.endswith(image_recipe.key(name)[:12]), name
