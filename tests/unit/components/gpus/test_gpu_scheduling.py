import dataclasses

import pytest

from components.gpus.gpu_queues import GpuPool, GpuTeam, Mig
from components.gpus.gpu_scheduling import GpuScheduling, GpuSchedulingArgs
from components.shapes.server_certificate import ServerCertificate
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

POOLS = (
    GpuPool(name="training", devices_per_node=8, max_nodes=4),
    GpuPool(name="slices", devices_per_node=56, max_nodes=1, sharing=Mig(profile="1g.10gb")),
)
TEAMS = (
    GpuTeam(name="research", quota={"training": 16}),
    GpuTeam(name="applied", quota={"training": 8, "slices": 28}, borrowing=False),
)


def args(**changes: object) -> GpuSchedulingArgs:
    plain = GpuSchedulingArgs(
        namespace="kueue",
        controller_image="registry.k8s.io/kueue/kueue:v0",
        device_plugin_image="nvcr.io/nvidia/k8s-device-plugin:v0",
        pools=POOLS,
        teams=TEAMS,
        webhook_certificate=ServerCertificate(authority="ca", certificate="certificate", key="private-key"),
    )
    return dataclasses.replace(plain, **changes)  # pyright: ignore[reportArgumentType]


def deployed(*, preview: bool = False, **changes: object) -> Deployment[GpuScheduling]:
    return deploy(lambda: GpuScheduling("gpus", args(**changes)), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "GpuScheduling")
    rules.assert_labelled(deployment)
    rules.assert_no_secret_in_clear(deployment, "private-key")


def test_each_pool_has_a_flavor_and_each_team_a_queue() -> None:
    deployment = deployed()
    names = {
        kind: {each.inputs["metadata"]["name"] for each in deployment.of_type(kind)}
        for kind in ("ResourceFlavor", "ClusterQueue", "Namespace")
    }
    assert names["ResourceFlavor"] == {"training", "slices"}
    assert names["ClusterQueue"] == {"research", "applied"}
    # Namespaces of teams are made whether or not there are pools.
    assert names["Namespace"] == {"nvidia-device-plugin"}


def test_flavors_wait_for_the_webhooks_and_queues_for_flavors() -> None:
    deployment = deployed()
    checks = {"gpus-kueue-checks", "gpus-kueue-defaults"}
    for flavor in deployment.of_type("ResourceFlavor"):
        assert checks <= rules.before(deployment, flavor)
    cohort = deployment.one("Cohort")
    assert {each.name for each in deployment.of_type("ResourceFlavor")} <= rules.before(deployment, cohort)
    for queue in deployment.of_type("ClusterQueue"):
        assert cohort.name in rules.before(deployment, queue)


def test_the_work_of_ordering_grows_with_teams_and_pools_not_with_their_product() -> None:
    pools = [GpuPool(name=f"p{number}", devices_per_node=8, max_nodes=4) for number in range(20)]
    teams = [GpuTeam(name=f"t{number}", quota={f"p{number}": 1}) for number in range(20)]
    deployment = deployed(pools=pools, teams=teams)
    assert max(len(each.dependencies) for each in deployment.of_type("ClusterQueue")) < 10


def test_the_queues_of_teams_are_handed_out_for_what_comes_after_them() -> None:
    assert deployed().result.cluster_queues.keys() == {"research", "applied"}


def test_without_pools_no_plugin_runs() -> None:
    deployment = deployed(pools=(), teams=())
    assert not deployment.of_type("DaemonSet")
    assert deployment.of_type("Deployment")


def test_quotas_that_could_never_be_used_are_refused() -> None:
    with pytest.raises(ValueError, match="quotas assign 40 devices of pool 'training', which has 32"):
        args(teams=(GpuTeam(name="research", quota={"training": 40}),))
