import copy

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from components.shapes import pod_security, replicated_server, server_pods
from components.shapes.owner import Owner
from tests.fixtures.recorder import Deployment, deploy


class Server(pulumi.ComponentResource):
    def __init__(self, replicas: int) -> None:
        super().__init__("plinth:index:Server", "server")
        sizes = pod_security.sizes(cpu="1m", memory="1Mi", memory_limit="2Mi")
        container = server_pods.container("server", "image", ["server"], resources=sizes)
        before = kubernetes.core.v1.ConfigMap("before")
        owner = Owner(
            component="server", namespace="place", labels={"a": "b"}, selector={"a": "b"}, parent=self
        )
        pod = server_pods.pod(container)
        given = copy.deepcopy(pod)
        replicated_server.deploy(
            owner, pod, role="controller", name="controller", replicas=replicas, after=[before]
        )
        assert pod == given, "what the caller gives is the caller's"


def deployed(replicas: int) -> Deployment[Server]:
    return deploy(lambda: Server(replicas))


@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_a_new_version_starts_before_the_old_one_stops(replicas: int) -> None:
    spec = deployed(replicas).one("Deployment", "server-controller").inputs["spec"]
    assert spec["replicas"] == replicas
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
    }


def test_where_there_are_replicas_one_may_be_drained_at_a_time() -> None:
    deployment = deployed(2)
    budget = deployment.one("PodDisruptionBudget", "server-disruption-budget").inputs
    server = deployment.one("Deployment").inputs
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["selector"] == server["spec"]["selector"]
    assert budget["metadata"]["namespace"] == server["metadata"]["namespace"]


def test_replicas_of_one_version_keep_apart_in_zones_and_nodes_but_run_anywhere_if_they_must() -> None:
    server = deployed(2).one("Deployment").inputs["spec"]
    constraints = server["template"]["spec"]["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in constraints] == [
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    ]
    for each in constraints:
        assert each["maxSkew"] == 1
        assert each["whenUnsatisfiable"] == "ScheduleAnyway"
        assert each["labelSelector"] == server["selector"]
        assert each["matchLabelKeys"] == ["pod-template-hash"]
    assert "topologySpreadConstraints" not in deployed(1).one("Deployment").inputs["spec"]["template"]["spec"]


def test_a_budget_never_forbids_draining_the_only_one() -> None:
    assert not deployed(1).of_type("PodDisruptionBudget")


def test_it_starts_below_its_component_after_what_it_needs() -> None:
    deployment = deployed(2)
    server = deployment.one("Deployment")
    assert server.parent == deployment.component().urn
    assert deployment.one("ConfigMap").urn in server.dependencies
