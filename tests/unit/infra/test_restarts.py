"""After a Secret has changed, what read it is restarted: servers before their clients, and nothing else."""

from typing import Any

import pytest

from infra import restarts

ENV = {"env": [{"name": "A", "value": "b"}, {"name": "P", "valueFrom": {"secretKeyRef": {"name": "login"}}}]}
FROM = {"envFrom": [{"configMapRef": {"name": "login"}}, {"secretRef": {"name": "login"}}]}
MOUNT = {"volumes": [{"name": "a", "emptyDir": {}}, {"name": "s", "secret": {"secretName": "login"}}]}
PROJECTED = {"volumes": [{"name": "s", "projected": {"sources": [{"secret": {"name": "login"}}]}}]}


def resource(name: str, kind: str, namespace: str = "data", **outputs: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"urn": f"urn::{kind}::{name}", "outputs": {"kind": kind, "metadata": metadata, **outputs}}


def workload(
    name: str, pod: dict[str, Any], kind: str = "Deployment", namespace: str = "data"
) -> dict[str, Any]:
    spec = {"template": {"spec": {"containers": [{}], **pod}}}
    return resource(name, kind, namespace, spec=spec)


SECRET = resource("login", "Secret")
READERS: dict[str, dict[str, Any]] = {
    "environment": {"containers": [{}, ENV]},
    "whole environment": {"initContainers": [FROM]},
    "volume": MOUNT,
    "projected volume": PROJECTED,
}


@pytest.mark.parametrize("pod", READERS.values(), ids=READERS)
def test_pods_that_read_it_are_found_however_they_read_it(pod: dict[str, Any]) -> None:
    (found,) = restarts.readers([SECRET, workload("server", pod)], {SECRET["urn"]})
    assert found.commands() == (
        ("rollout", "restart", "deployment/server", "--namespace=data"),
        ("rollout", "status", "deployment/server", "--namespace=data", "--timeout=300s"),
    )


def test_others_are_left_alone() -> None:
    others = [
        workload("no reader", {}),
        workload("elsewhere", MOUNT, namespace="other"),
        workload("once", MOUNT, kind="Job"),
        {"urn": "component"},
    ]
    assert restarts.readers([SECRET, *others], {SECRET["urn"]}) == []
    assert restarts.readers([SECRET, workload("server", MOUNT)], set()) == []


def test_they_are_restarted_in_the_order_in_which_they_were_made() -> None:
    made = [SECRET, workload("z-server", MOUNT, kind="StatefulSet"), workload("a-client", MOUNT)]
    assert [str(each) for each in restarts.readers(made, {SECRET["urn"]})] == [
        "statefulset/z-server",
        "deployment/a-client",
    ]


def test_only_secrets_that_a_run_changed_count() -> None:
    def event(urn: str, op: str, kind: str = "kubernetes:core/v1:Secret") -> dict[str, Any]:
        return {"resOutputsEvent": {"metadata": {"urn": urn, "op": op, "type": kind}}}

    seen = [
        event("a", "update"),
        event("b", "same"),
        event("new", "create"),
        event("c", "update", "kubernetes:apps/v1:Deployment"),
        {},
    ]
    assert restarts.changed_secrets(seen) == {"a"}


def test_the_job_that_sets_passwords_in_a_managed_database_runs_again() -> None:
    job = "urn:pulumi:dev::plinth::plinth:index:MysqlAccounts$kubernetes:batch/v1:Job::mysql-accounts-job"
    other = "urn:pulumi:dev::plinth::plinth:index:MlflowTracking$kubernetes:batch/v1:Job::mlflow-migration"
    assert restarts.accounts_jobs([{"urn": job}, {"urn": other}]) == [job]


def test_pods_that_were_replaced_after_the_secret_had_changed_are_not_restarted_again() -> None:
    server = workload("server", MOUNT)

    def begun(path: str, op: str = "update") -> dict[str, Any]:
        return {
            "resourcePreEvent": {"metadata": {"urn": server["urn"], "op": op, "detailedDiff": {path: {}}}}
        }

    changed = {
        "resOutputsEvent": {
            "metadata": {"urn": SECRET["urn"], "op": "update", "type": "kubernetes:core/v1:Secret"}
        }
    }

    def restarted(*events: dict[str, Any]) -> list[str]:
        replaced = restarts.replaced_pods(events)
        return [str(each) for each in restarts.readers([SECRET, server], {SECRET["urn"]}, replaced)]

    template = begun("spec.template.metadata.annotations")
    assert restarted(changed, template) == []
    # Its pods may have started with the old value, or have not been replaced at all.
    assert restarted(template, changed) == ["deployment/server"]
    assert restarted(changed, begun("metadata.labels")) == ["deployment/server"]
    assert restarted(changed, begun("spec.template.spec", op="same")) == ["deployment/server"]
