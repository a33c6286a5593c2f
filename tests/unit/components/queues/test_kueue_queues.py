import dataclasses

import pytest

from components.gpus.gpu_pools import GpuPool, Mig
from components.queues.kueue_controller import Framework
from components.queues.kueue_queues import FormerParent, KueueQueues, KueueQueuesArgs
from components.queues.team_quotas import QueuedTeam
from components.shapes.server_certificate import ServerCertificate
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

POOLS = (
    GpuPool(name="training", devices_per_node=8, max_nodes=4),
    GpuPool(name="slices", devices_per_node=56, max_nodes=1, sharing=Mig(profile="1g.10gb")),
)
TEAMS = (
    QueuedTeam(name="research", quota={"training": 16}),
    QueuedTeam(name="applied", quota={"training": 8, "slices": 28}, borrowing=False),
)
FORMER = FormerParent(name="gpu-scheduling", type_="plinth:index:GpuScheduling")


def args(**changes: object) -> KueueQueuesArgs:
    plain = KueueQueuesArgs(
        namespace="kueue",
        controller_image="registry.k8s.io/kueue/kueue:v0",
        pools=POOLS,
        teams=TEAMS,
        webhook_certificate=ServerCertificate(authority="ca", certificate="certificate", key="private-key"),
    )
    return dataclasses.replace(plain, **changes)  # pyright: ignore[reportArgumentType]


def deployed(*, preview: bool = False, **changes: object) -> Deployment[KueueQueues]:
    return deploy(lambda: KueueQueues("queues", args(**changes)), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "KueueQueues")
    rules.assert_labelled(deployment)
    rules.assert_no_secret_in_clear(deployment, "private-key")


def test_each_pool_has_a_flavor_and_each_team_a_queue() -> None:
    deployment = deployed()
    names = {
        kind: {each.inputs["metadata"]["name"] for each in deployment.of_type(kind)}
        for kind in ("ResourceFlavor", "ClusterQueue", "Namespace")
    }
    assert names == {
        "ResourceFlavor": {"training", "slices"},
        "ClusterQueue": {"research", "applied"},
        # Those of teams are made whether or not there are queues.
        "Namespace": set(),
    }


def test_teams_share_cpus_without_any_pool() -> None:
    deployment = deployed(pools=(), teams=(QueuedTeam(name="research", cpu_quota=2),))
    assert deployment.one("ResourceFlavor").inputs["metadata"]["name"] == "cpus"
    configured = str(deployment.one("MutatingWebhookConfiguration").inputs)
    assert 'request.namespace in ["research"]' in configured
    assert not deployment.of_type("DaemonSet")


def test_the_controller_runs_what_the_stack_defines() -> None:
    settings = str(deployed(frameworks=[Framework.JOB_SET]).one("ConfigMap").inputs)
    assert Framework.JOB_SET in settings
    assert Framework.TRAIN_JOB not in settings


def test_flavors_wait_for_the_webhooks_and_queues_for_flavors() -> None:
    deployment = deployed()
    checks = {"queues-kueue-checks", "queues-kueue-defaults"}
    for flavor in deployment.of_type("ResourceFlavor"):
        assert checks <= rules.before(deployment, flavor)
    cohort = deployment.one("Cohort")
    assert {each.name for each in deployment.of_type("ResourceFlavor")} <= rules.before(deployment, cohort)
    for queue in deployment.of_type("ClusterQueue"):
        assert cohort.name in rules.before(deployment, queue)


def test_the_work_of_ordering_grows_with_teams_and_pools_not_with_their_product() -> None:
    pools = [GpuPool(name=f"p{number}", devices_per_node=8, max_nodes=4) for number in range(20)]
    teams = [QueuedTeam(name=f"t{number}", quota={f"p{number}": 1}) for number in range(20)]
    deployment = deployed(pools=pools, teams=teams)
    assert max(len(each.dependencies) for each in deployment.of_type("ClusterQueue")) < 10


def test_the_queues_of_teams_are_handed_out_for_what_comes_after_them() -> None:
    assert deployed().result.cluster_queues.keys() == {"research", "applied"}


def test_what_another_component_once_had_keeps_its_urn_and_the_selector_of_its_pods() -> None:
    deployment = deployed(former=FORMER)
    for kind, name in (("Cohort", "cohort-gpus"), ("ClusterQueue", "cluster-queue-research")):
        (alias,) = [
            alias
            for each in deployment.of_type(kind)
            for alias in each.aliases
            if f"gpu-scheduling-{name}" in alias
        ]
        assert "GpuScheduling::gpu-scheduling" in alias
    controller = deployment.one("plinth:index:KueueController")
    assert any("gpu-scheduling-kueue" in alias for alias in controller.aliases)
    selected = deployment.one("Deployment").inputs["spec"]["selector"]["matchLabels"]
    assert selected["app.kubernetes.io/instance"] == "gpu-scheduling-kueue"


def test_quotas_that_could_never_be_used_are_refused() -> None:
    with pytest.raises(ValueError, match="quotas assign 40 devices of pool 'training', which has 32"):
        args(teams=(QueuedTeam(name="research", quota={"training": 40}),))
