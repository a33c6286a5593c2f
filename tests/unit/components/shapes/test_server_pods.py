from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from components.shapes import pod_security, server_pods
from components.shapes.owner import Owner
from components.shapes.server_pods import TMP, Mount
from tests.fixtures.recorder import Deployment, deploy

SIZES = pod_security.sizes(cpu="1m", memory="1Mi", memory_limit="2Mi")


def test_a_container_may_write_nothing_but_its_temporary_folder() -> None:
    mounts = (TMP, Mount(volume="config", path="/config"))
    container = server_pods.container("server", "image", ["server", "--flag"], resources=SIZES, mounts=mounts)
    assert container.get("command") == ["server"]
    assert container.get("args") == ["--flag"]
    assert container.get("security_context") == pod_security.container_context()
    assert container.get("volume_mounts") == [
        {"name": "tmp", "mount_path": "/tmp"},  # noqa: S108 - of the container, not of this machine
        {"name": "config", "mount_path": "/config", "read_only": True},
    ]


def test_a_server_is_asked_every_second_until_it_first_answers() -> None:
    probe = pod_security.http_probe("/healthz", 80, startup_seconds=90)
    container = server_pods.container("server", "image", ["server"], resources=SIZES, probe=probe)
    startup = container.get("startup_probe")
    assert startup == {**probe, "period_seconds": 1, "failure_threshold": 90}
    assert container.get("readiness_probe") == {**probe, "period_seconds": 5, "failure_threshold": 3}
    assert container.get("liveness_probe") == {**probe, "period_seconds": 10, "failure_threshold": 6}


def test_a_server_without_a_probe_has_none() -> None:
    container = server_pods.container("server", "image", ["server"], resources=SIZES)
    assert not [key for key in container if key.endswith("_probe")]


@pytest.mark.parametrize(
    ("command", "args", "expected"),
    [
        (["serve", "--flag"], None, (["serve"], ["--flag"])),
        (["mlflow", "server"], ["--flag"], (["mlflow", "server"], ["--flag"])),
        ([], ["--flag"], (None, ["--flag"])),
    ],
)
def test_the_program_is_the_first_word_unless_arguments_are_given_apart(
    command: list[str], args: list[str] | None, expected: tuple[list[str] | None, list[str]]
) -> None:
    container = server_pods.container("server", "image", command, args=args, resources=SIZES)
    assert (container.get("command"), container.get("args")) == expected


class Server(pulumi.ComponentResource):
    def __init__(self, **options: Any) -> None:
        super().__init__("plinth:index:Server", "server")
        owner = Owner(
            component="server",
            namespace="place",
            labels={"a": "b", "c": "d"},
            selector={"a": "b"},
            parent=self,
        )
        container = server_pods.container("server", "image", ["server"], resources=SIZES)
        before = kubernetes.core.v1.ConfigMap("before")
        pod = server_pods.pod(container, **options)
        server_pods.deploy(owner, pod, role="web", name="web", after=[before])


def deployed(**options: Any) -> Deployment[Server]:
    return deploy(lambda: Server(**options))


def test_it_starts_below_its_component_after_what_it_needs() -> None:
    deployment = deployed()
    server = deployment.one("Deployment", "server-web")
    assert server.parent == deployment.component().urn
    assert deployment.one("ConfigMap").urn in server.dependencies
    assert server.inputs["metadata"] == {
        "name": "web",
        "namespace": "place",
        "labels": {"a": "b", "c": "d"},
    }


def test_a_server_never_runs_twice_at_once() -> None:
    spec = deployed().one("Deployment").inputs["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    assert spec["replicas"] == 1
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_a_server_holds_a_token_only_with_an_account() -> None:
    pod = deployed().pods()["server-web"]
    assert pod["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in pod
    pod = deployed(service_account="argo").pods()["server-web"]
    assert pod["automountServiceAccountToken"] is True
    assert pod["serviceAccountName"] == "argo"


def test_the_size_of_the_temporary_folder_is_bounded_and_it_can_be_left_out() -> None:
    assert deployed().pods()["server-web"]["volumes"] == [{"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}}]
    assert deployed(scratch="2Gi").pods()["server-web"]["volumes"] == [
        {"name": "tmp", "emptyDir": {"sizeLimit": "2Gi"}}
    ]
    assert deployed(scratch=None).pods()["server-web"]["volumes"] == []


def test_a_pod_ends_within_its_grace_and_may_push_others_aside_only_if_asked() -> None:
    plain = deployed().pods()["server-web"]
    assert plain["terminationGracePeriodSeconds"] == 15
    assert "priorityClassName" not in plain
    pod = deployed(grace_seconds=None, priority_class="system-node-critical").pods()["server-web"]
    assert "terminationGracePeriodSeconds" not in pod
    assert pod["priorityClassName"] == "system-node-critical"
