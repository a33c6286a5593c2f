import pulumi
import pulumi_kubernetes as kubernetes

from components.shapes import pod_inputs
from components.shapes.owner import Owner
from tests.fixtures.recorder import deploy


def test_secret_values_are_referred_to_and_never_written_out() -> None:
    assert pod_inputs.secret_env("login", {"PASSWORD": "key"}) == [
        {"name": "PASSWORD", "value_from": {"secret_key_ref": {"name": "login", "key": "key"}}}
    ]
    assert pod_inputs.plain_env({"A": "b"}) == [{"name": "A", "value": "b"}]


def test_a_process_is_told_the_memory_limit_of_its_container() -> None:
    assert pod_inputs.memory_limit_env("LIMIT", "server") == {
        "name": "LIMIT",
        "value_from": {"resource_field_ref": {"container_name": "server", "resource": "limits.memory"}},
    }


class Server(pulumi.ComponentResource):
    def __init__(self) -> None:
        super().__init__("plinth:index:Server", "server")
        owner = Owner(component="server", namespace="place", labels={"a": "b"}, selector={}, parent=self)
        claim = pod_inputs.create_claim(owner, "data", "1Gi")
        volume = pod_inputs.claim_volume("disk", claim)
        kubernetes.core.v1.Pod("pod", spec={"containers": [], "volumes": [volume]})


def test_a_claim_is_of_the_default_class_and_bound_when_its_pod_exists() -> None:
    deployment = deploy(Server)
    claim = deployment.one("PersistentVolumeClaim", "server-volume").inputs
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    assert claim["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}
    assert (claim["metadata"]["name"], claim["metadata"]["namespace"]) == ("data", "place")
    (volume,) = deployment.one("Pod").inputs["spec"]["volumes"]
    assert volume == {"name": "disk", "persistentVolumeClaim": {"claimName": "data"}}
