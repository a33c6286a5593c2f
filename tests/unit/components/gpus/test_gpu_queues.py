import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.gpus import gpu_queues
from components.gpus.gpu_queues import GPU_RESOURCE, GpuPool, GpuTeam, Mig, TimeSlicing

TRAINING = GpuPool(name="training", devices_per_node=8, max_nodes=4)
INFERENCE = GpuPool(name="inference", devices_per_node=1, max_nodes=8)
RESEARCH = GpuTeam(name="research", quota={"training": 16, "inference": 0}, borrowing_limit=8)
APPLIED = GpuTeam(name="applied", quota={"training": 8}, borrowing=False)
POOLS = (TRAINING, INFERENCE)
TEAMS = (RESEARCH, APPLIED)


def quotas(spec: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return pool -> quota of a ClusterQueue's or Cohort's spec."""
    found: dict[str, dict[str, str]] = {}
    for group in spec["resourceGroups"]:
        assert group["coveredResources"] == [GPU_RESOURCE]
        for flavor in group["flavors"]:
            (resource,) = flavor["resources"]
            assert resource["name"] == GPU_RESOURCE
            found[flavor["name"]] = {key: value for key, value in resource.items() if key != "name"}
    return found


def test_what_is_admitted_to_a_pool_goes_to_its_nodes_and_tolerates_their_taint() -> None:
    spec = gpu_queues.flavor_spec(TRAINING)
    assert spec["nodeLabels"] == {"plinth.dev/gpu-pool": "training"}
    (taint,), (toleration,) = spec["nodeTaints"], spec["tolerations"]
    assert toleration["key"] == taint["key"]
    assert toleration["operator"] == "Exists"
    assert toleration["effect"] == taint["effect"] == "NoSchedule"


def test_a_team_owns_its_quota_and_borrows_within_its_limit() -> None:
    spec = gpu_queues.cluster_queue_spec(RESEARCH, POOLS)
    assert quotas(spec) == {
        "training": {"nominalQuota": "16", "borrowingLimit": "8"},
        "inference": {"nominalQuota": "0", "borrowingLimit": "8"},
    }
    assert spec["namespaceSelector"] == {"matchLabels": {"plinth.dev/team": "research"}}
    assert spec["preemption"]["reclaimWithinCohort"] == "Any"


def test_a_team_that_may_not_borrow_stays_within_its_quota_and_still_lends() -> None:
    (quota,) = quotas(gpu_queues.cluster_queue_spec(APPLIED, POOLS)).values()
    assert quota == {"nominalQuota": "8", "borrowingLimit": "0"}


def test_without_a_limit_all_that_is_idle_may_be_borrowed() -> None:
    team = dataclasses.replace(RESEARCH, borrowing_limit=None)
    assert "borrowingLimit" not in quotas(gpu_queues.cluster_queue_spec(team, POOLS))["training"]


def test_a_team_without_quota_has_a_queue_that_admits_nothing() -> None:
    assert gpu_queues.cluster_queue_spec(GpuTeam(name="guests"), POOLS)["resourceGroups"] == []


def test_what_no_quota_gives_away_is_there_to_be_borrowed() -> None:
    spec = gpu_queues.cohort_spec(POOLS, TEAMS)
    assert quotas(spec) == {"training": {"nominalQuota": "8"}, "inference": {"nominalQuota": "8"}}


def test_a_pool_given_away_whole_leaves_the_cohort_nothing() -> None:
    team = GpuTeam(name="research", quota={"training": 32})
    assert gpu_queues.cohort_spec([TRAINING], [team]) == {}


def test_turns_of_a_gpu_are_neither_lent_nor_borrowed() -> None:
    pool = GpuPool(name="notebooks", devices_per_node=4, max_nodes=2, sharing=TimeSlicing(replicas=4))
    team = GpuTeam(name="research", quota={"notebooks": 4})
    (quota,) = quotas(gpu_queues.cluster_queue_spec(team, [pool])).values()
    assert quota == {"nominalQuota": "4", "borrowingLimit": "0", "lendingLimit": "0"}
    assert gpu_queues.cohort_spec([pool], [team]) == {}


def test_flavors_come_before_the_cohort_and_queues_last() -> None:
    kinds = [each["kind"] for each in gpu_queues.objects(POOLS, TEAMS)]
    assert kinds == ["ResourceFlavor", "ResourceFlavor", "Cohort", "ClusterQueue", "ClusterQueue"]


def test_a_namespace_has_the_queue_that_kueue_takes_by_default() -> None:
    queue = gpu_queues.local_queue("research")
    assert queue["metadata"] == {"name": "default", "namespace": "research"}
    assert queue["spec"] == {"clusterQueue": "research"}


@pytest.mark.parametrize(
    ("pools", "teams", "problem"),
    [
        ((TRAINING, TRAINING), (), "pools lists 'training' twice: give each a name of its own"),
        ((TRAINING,), (APPLIED, APPLIED), "teams lists 'applied' twice: give each a name of its own"),
        ((INFERENCE,), (APPLIED,), "teams applied: quota names pool 'training'; pools has inference"),
        (
            (TRAINING,),
            (GpuTeam(name="a", quota={"training": 20}), GpuTeam(name="b", quota={"training": 13})),
            "teams: quotas assign 33 devices of pool 'training', which has 32 at its max",
        ),
        (
            (dataclasses.replace(TRAINING, sharing=TimeSlicing(replicas=2)),),
            (GpuTeam(name="a", quota={"training": 1}), GpuTeam(name="b", quota={"training": 1})),
            "teams: a and b share pool 'training', whose time slices isolate no memory",
        ),
        (
            (TRAINING,),
            (GpuTeam(name="a", borrowing=False, borrowing_limit=1),),
            "teams a: borrowing_limit needs borrowing: true; leave out one of them",
        ),
    ],
)
def test_what_could_never_work_is_named(
    pools: tuple[GpuPool, ...], teams: tuple[GpuTeam, ...], problem: str
) -> None:
    (found,) = gpu_queues.problems(pools, teams)
    assert problem in found


def test_problems_are_named_in_the_words_of_the_users_configuration() -> None:
    words = gpu_queues.FieldNames(
        pools="gpuPools", teams="groups", quota="share", borrowing="lend", borrowing_limit="lendMax"
    )
    team = GpuTeam(name="a", quota={"none": 1}, borrowing=False, borrowing_limit=1)
    assert gpu_queues.problems([TRAINING], [team], words) == [
        "groups a: share names pool 'none'; gpuPools has training",
        "groups a: lendMax needs lend: true; leave out one of them",
    ]


def test_slices_are_isolated_and_may_be_shared_across_teams() -> None:
    pool = dataclasses.replace(TRAINING, sharing=Mig(profile="1g.10gb"))
    teams = [GpuTeam(name=name, quota={"training": 1}) for name in ("a", "b")]
    assert gpu_queues.problems([pool], teams) == []


@given(shares=st.lists(st.integers(min_value=0, max_value=8), min_size=1, max_size=4))
def test_quotas_and_the_cohort_add_up_to_the_pool(shares: list[int]) -> None:
    teams = [GpuTeam(name=f"t{number}", quota={"training": share}) for number, share in enumerate(shares)]
    assert gpu_queues.problems([TRAINING], teams) == []
    own = [quotas(gpu_queues.cluster_queue_spec(team, [TRAINING]))["training"] for team in teams]
    cohort = gpu_queues.cohort_spec([TRAINING], teams)
    rest = quotas(cohort)["training"]["nominalQuota"] if cohort else "0"
    assert sum(int(each["nominalQuota"]) for each in own) + int(rest) == TRAINING.devices
