import pulumi_kubernetes as kubernetes

from components.shapes import pod_security, server_pods
from tests.fixtures.recorder import Deployment, deploy

SIZES = pod_security.sizes(cpu="1m", memory="1Mi", memory_limit="2Mi")


def test_a_container_may_write_nothing_but_its_temporary_folder() -> None:
    container = server_pods.container(
        "server", "image", ["server", "--flag"], resources=SIZES, mounts={"config": "/config"}
    )
    assert container.get("command") == ["server"]
    assert container.get("args") == ["--flag"]
    assert container.get("security_context") == pod_security.container_context()
    assert container.get("volume_mounts") == [
        {"name": "tmp", "mount_path": "/tmp"},  # noqa: S108 - of the container, not of this machine
        {"name": "config", "mount_path": "/config", "read_only": True},
    ]


def test_a_server_is_asked_every_second_until_it_first_answers() -> None:
    probe = pod_security.http_probe("/healthz", 80, period_seconds=30, failures=1)
    container = server_pods.container("server", "image", ["server"], resources=SIZES, probe=probe)
    startup = container.get("startup_probe")
    assert startup == {**probe, "period_seconds": 1, "failure_threshold": 180}
    assert container.get("liveness_probe") == {**probe, "period_seconds": 10, "failure_threshold": 6}


def test_a_server_without_a_probe_has_none() -> None:
    container = server_pods.container("server", "image", ["server"], resources=SIZES)
    assert not [key for key in container if key.endswith("_probe")]


def deployed(*, service_account: str | None) -> Deployment[None]:
    container = server_pods.container("server", "image", ["server"], resources=SIZES)
    spec = server_pods.deployment(
        selector={"a": "b"},
        labels={"a": "b", "c": "d"},
        container=container,
        service_account=service_account,
    )

    def program() -> None:
        kubernetes.apps.v1.Deployment("server", spec=spec)

    return deploy(program)


def test_a_server_never_runs_twice_at_once() -> None:
    spec = deployed(service_account=None).one("Deployment").inputs["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    assert spec["replicas"] == 1
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_a_server_holds_a_token_only_with_an_account() -> None:
    pod = deployed(service_account=None).pods()["server"]
    assert pod["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in pod
    pod = deployed(service_account="argo").pods()["server"]
    assert pod["automountServiceAccountToken"] is True
    assert pod["serviceAccountName"] == "argo"


def test_a_pod_of_its_own_is_that_of_a_deployment() -> None:
    container = server_pods.container(
        "server", "image", ["serve"], resources=pod_security.sizes(cpu="1m", memory="1Mi", memory_limit="2Mi")
    )
    spec = server_pods.deployment(selector={"a": "b"}, labels={"a": "b"}, container=container)
    assert server_pods.pod(container) == spec["template"]["spec"]  # pyright: ignore
