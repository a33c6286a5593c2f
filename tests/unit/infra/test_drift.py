"""What was deleted or changed by hand: gone, made again, or with a field that somebody else took over."""

import json
from pathlib import Path
from typing import Any

import pytest

from cluster.errors import ClusterError
from infra import drift
from infra.kubectl import Kubectl

OURS = {"f:spec": {"f:replicas": {}, "f:strategy": {}}}


def manager(name: str, fields: Any, operation: str = "Apply", **more: str) -> dict[str, Any]:
    return {
        "manager": name,
        "operation": operation,
        "fieldsV1": fields,
        "time": "2026-01-01T00:00:00Z",
    } | more


CONTROLLER = manager("kube-controller-manager", {"f:status": {}}, "Update", subresource="status")


def resource(name: str = "mlflow", **more: Any) -> dict[str, Any]:
    """Return an object as Pulumi's state records it."""
    metadata = {
        "name": name,
        "namespace": "mlflow",
        "uid": "1",
        "managedFields": [manager("pulumi-kubernetes-1", OURS), CONTROLLER],
    }
    outputs = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "__fieldManager": "pulumi-kubernetes-1",
    }
    return {"urn": name, "type": "kubernetes:apps/v1:Deployment", "outputs": outputs, **more}


def row(*managers: dict[str, Any], uid: str = "1", deleted: str = "") -> str:
    """Return a line of kubectl's listing."""
    return "\t".join(["apps/v1", "Deployment", "mlflow", "mlflow", uid, deleted, json.dumps(managers)])


def found(listing: str, *resources: dict[str, Any]) -> list[str]:
    return drift.differences(drift.recorded(resources or (resource(),)), drift.served(listing))


def test_an_object_whose_controllers_alone_wrote_to_it_is_as_it_was_left() -> None:
    later = {**CONTROLLER, "time": "2026-06-01T00:00:00Z", "fieldsV1": {"f:status": {"f:replicas": {}}}}
    extra = manager("autoscaler", {"f:metadata": {"f:annotations": {}}}, "Update")
    assert found(row(manager("pulumi-kubernetes-1", OURS), later, extra)) == []


def test_a_deleted_object_and_one_made_again_are_told_apart() -> None:
    assert found("") == ["Deployment mlflow/mlflow was deleted"]
    assert found(row(manager("kubectl-create", {}, "Update"), uid="2")) == [
        "Deployment mlflow/mlflow was deleted and created again"
    ]


def test_an_object_on_its_way_out_is_not_taken_for_one_that_stays() -> None:
    listing = row(manager("pulumi-kubernetes-1", OURS), deleted="2026-02-01T00:00:00Z")
    assert found(listing) == ["Deployment mlflow/mlflow is being deleted"]


def test_a_field_that_somebody_took_over_is_found_and_its_taker_named() -> None:
    left = {"f:spec": {"f:strategy": {}}}
    taker = manager("kubectl", {"f:spec": {"f:replicas": {}}}, "Update", time="2026-02-01T00:00:00Z")
    listing = row(manager("pulumi-kubernetes-1", left), CONTROLLER, taker)
    assert found(listing) == ["Deployment mlflow/mlflow was changed by kubectl"]


def test_what_is_no_object_of_the_cluster_is_not_looked_for() -> None:
    group = {"urn": "x", "type": "kubernetes:yaml/v2:ConfigGroup", "outputs": {}}
    provider = {"urn": "y", "type": "pulumi:providers:kubernetes"}
    replaced = resource("other", delete=True)
    assert drift.recorded([group, provider, replaced]) == []


def test_every_kind_is_listed_in_one_call_with_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, ...]] = []

    def kubectl(_: Kubectl, *arguments: str, seconds: float) -> str:
        calls.append(arguments)
        return ""

    monkeypatch.setattr(Kubectl, "__call__", kubectl)
    service = resource("gate")
    service["outputs"] |= {"apiVersion": "v1", "kind": "Service"}
    lines = drift.find(Kubectl(kubeconfig=Path("/k")), [resource(), resource("second"), service])
    assert len(lines) == 3
    ((_, kinds, *_),) = calls
    assert kinds == "Deployment.v1.apps,Service.v1."


def test_an_empty_state_asks_nothing_of_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> str:
        raise ClusterError("asked")

    monkeypatch.setattr(Kubectl, "__call__", refused)
    assert drift.find(Kubectl(kubeconfig=Path("/k")), []) == []
