"""The deletion of a damaged platform: webhooks go first, and what nobody finishes is released."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cluster.errors import ClusterError
from infra import teardown
from infra.kubectl import Kubectl
from workloads.wait import wait_for

KUBECTL = Kubectl(kubeconfig=Path("/k"))
CONVERSION = {"spec": {"group": "kserve.io", "conversion": {"strategy": "Webhook"}}}
RESOURCES: list[dict[str, Any]] = [
    {"outputs": {"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "checks"}}},
    {"outputs": {"kind": "CustomResourceDefinition", "metadata": {"name": "services"}, **CONVERSION}},
    {
        "outputs": {
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "plain"},
            "spec": {"group": "a.io"},
        }
    },
    {"outputs": {"kind": "Namespace", "metadata": {"name": "models"}}},
    {"type": "plinth:index:Gateway"},
]


class FakeKubectl:
    """Replaces kubectl: records calls, and answers with a listing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *items: dict[str, Any]) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.items = list(items)
        self.failures = 0

        def call(_: Kubectl, *arguments: str, seconds: float = 30) -> str:
            self.calls.append(arguments)
            if self.failures:
                self.failures -= 1
                raise ClusterError("a kind vanished")
            if arguments[0] == "api-resources":
                return "pods\nevents.events.k8s.io\ninferenceservices.kserve.io\n"
            if arguments[0] == "patch":
                self.items.clear()
            return json.dumps({"items": self.items})

        monkeypatch.setattr(Kubectl, "__call__", call)


def dying(namespace: str | None, *finalizers: str, seconds: float = 60, group: str = "kserve.io") -> Any:
    since = datetime.now(UTC) - timedelta(seconds=seconds)
    metadata: dict[str, Any] = {
        "name": "wine",
        "finalizers": list(finalizers),
        "deletionTimestamp": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": f"{group}/v1", "kind": "InferenceService", "metadata": metadata}


def found(*items: Any) -> list[Any]:
    return list(teardown.stuck({"items": list(items)}, frozenset({"models"}), frozenset({"kserve.io"})))


def test_webhooks_are_removed_and_conversion_ends_before_anything_is_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = FakeKubectl(monkeypatch)
    teardown.open_way(KUBECTL, RESOURCES)
    delete, patch = fake.calls
    assert delete[:2] == ("delete", "validatingwebhookconfiguration/checks")
    assert "--ignore-not-found" in delete
    assert patch[:3] == ("patch", "crd", "services")
    assert json.loads(patch[-1].removeprefix("--patch="))["spec"]["conversion"]["strategy"] == "None"


def test_a_stack_without_webhooks_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeKubectl(monkeypatch)
    teardown.open_way(KUBECTL, RESOURCES[2:])
    assert fake.calls == []


def test_an_object_of_the_stack_that_waits_for_its_controller_is_stuck() -> None:
    assert found(dying("models", "kserve.io/finalizer"))
    assert found(dying(None, "kserve.io/finalizer"))


def test_nothing_else_is_stuck() -> None:
    assert not found(dying("models", "kserve.io/finalizer", seconds=5)), "its controller may still be at it"
    assert not found(dying("other", "x.io/finalizer", group="x.io")), "it is not the stack's"
    for name in (
        "foregroundDeletion",
        "kubernetes.io/pvc-protection",
        "service.kubernetes.io/load-balancer-cleanup",
        "customresourcecleanup.apiextensions.k8s.io",
    ):
        assert not found(dying("models", name)), name
    living = dying("models", "kserve.io/finalizer")
    del living["metadata"]["deletionTimestamp"]
    assert not found(living)


def test_stuck_objects_are_released_while_the_stack_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teardown, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(teardown, "_STUCK_SECONDS", 0.0)
    fake = FakeKubectl(monkeypatch, dying("models", "kserve.io/finalizer", "kubernetes.io/pvc-protection"))
    # Kinds vanish while they are listed: the next look sees the rest.
    fake.failures = 1
    with teardown.helped(KUBECTL, RESOURCES) as released:
        assert released_within(released, seconds=20)
    assert released == ["InferenceService models/wine"]
    (patch,) = [each for each in fake.calls if each[0] == "patch"]
    assert patch[1:4] == ("InferenceService.v1.kserve.io", "wine", "--namespace=models")
    kept = json.loads(patch[-1].removeprefix("--patch="))["metadata"]["finalizers"]
    assert kept == ["kubernetes.io/pvc-protection"]


def released_within(released: list[str], *, seconds: float) -> bool:
    wait_for(
        "release", lambda: None if released else "nothing", timeout_seconds=seconds, interval_seconds=0.02
    )
    return True
