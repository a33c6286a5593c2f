import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.gpus.gpu_pools import GPU_RESOURCE, GpuPool, Mig, TimeSlicing
from components.queues import team_quotas
from components.queues.team_quotas import QueuedTeam

TRAINING = GpuPool(name="training", devices_per_node=8, max_nodes=4)
INFERENCE = GpuPool(name="inference", devices_per_node=1, max_nodes=8)
RESEARCH = QueuedTeam(name="research", quota={"training": 16, "inference": 0}, borrowing_limit=8)
APPLIED = QueuedTeam(name="applied", quota={"training": 8}, borrowing=False)
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
    spec = team_quotas.pool_flavor_spec(TRAINING)
    assert spec["nodeLabels"] == {"plinth.dev/gpu-pool": "training"}
    (taint,), (toleration,) = spec["nodeTaints"], spec["tolerations"]
    assert toleration["key"] == taint["key"]
    assert toleration["operator"] == "Exists"
    assert toleration["effect"] == taint["effect"] == "NoSchedule"


def test_a_team_owns_its_quota_and_borrows_within_its_limit() -> None:
    spec = team_quotas.cluster_queue_spec(RESEARCH, POOLS)
    assert quotas(spec) == {
        "training": {"nominalQuota": "16", "borrowingLimit": "8"},
        "inference": {"nominalQuota": "0", "borrowingLimit": "8"},
    }
    assert spec["namespaceSelector"] == {"matchLabels": {"plinth.dev/team": "research"}}
    assert spec["preemption"]["reclaimWithinCohort"] == "Any"


def test_a_team_that_may_not_borrow_stays_within_its_quota_and_still_lends() -> None:
    (quota,) = quotas(team_quotas.cluster_queue_spec(APPLIED, POOLS)).values()
    assert quota == {"nominalQuota": "8", "borrowingLimit": "0"}


def test_without_a_limit_all_that_is_idle_may_be_borrowed() -> None:
    team = dataclasses.replace(RESEARCH, borrowing_limit=None)
    assert "borrowingLimit" not in quotas(team_quotas.cluster_queue_spec(team, POOLS))["training"]


def test_a_team_without_quota_has_a_queue_that_admits_nothing() -> None:
    assert team_quotas.cluster_queue_spec(QueuedTeam(name="guests"), POOLS)["resourceGroups"] == []


def test_what_no_quota_gives_away_is_there_to_be_borrowed() -> None:
    spec = team_quotas.cohort_spec(POOLS, TEAMS)
    assert quotas(spec) == {"training": {"nominalQuota": "8"}, "inference": {"nominalQuota": "8"}}


def test_a_pool_given_away_whole_leaves_the_cohort_nothing() -> None:
    team = QueuedTeam(name="research", quota={"training": 32})
    assert team_quotas.cohort_spec([TRAINING], [team]) == {}


def test_turns_of_a_gpu_are_neither_lent_nor_borrowed() -> None:
    pool = GpuPool(name="notebooks", devices_per_node=4, max_nodes=2, sharing=TimeSlicing(replicas=4))
    team = QueuedTeam(name="research", quota={"notebooks": 4})
    (quota,) = quotas(team_quotas.cluster_queue_spec(team, [pool])).values()
    assert quota == {"nominalQuota": "4", "borrowingLimit": "0", "lendingLimit": "0"}
    assert team_quotas.cohort_spec([pool], [team]) == {}


def cpus(team: QueuedTeam) -> dict[str, str]:
    """Return the quota of CPUs of a team's ClusterQueue."""
    (group,) = team_quotas.cluster_queue_spec(team, (), count_cpus=True)["resourceGroups"]
    assert group["coveredResources"] == ["cpu"]
    (flavor,) = group["flavors"]
    assert flavor["name"] == "cpus"
    (quota,) = flavor["resources"]
    return {key: value for key, value in quota.items() if key != "name"}


@pytest.mark.parametrize(
    ("team", "quota"),
    [
        (QueuedTeam(name="a", cpu_quota=2), {"nominalQuota": "2"}),
        (QueuedTeam(name="a", cpu_quota=0.25), {"nominalQuota": "250m"}),
        (
            QueuedTeam(name="a", cpu_quota=0, cpu_borrowing_limit=1.5),
            {"nominalQuota": "0", "borrowingLimit": "1500m"},
        ),
        (QueuedTeam(name="a", cpu_quota=2, borrowing=False), {"nominalQuota": "2", "borrowingLimit": "0"}),
        # It waits for no CPU, and what it does not need is nobody's.
        (QueuedTeam(name="a"), {"nominalQuota": "1000000", "borrowingLimit": "0", "lendingLimit": "0"}),
    ],
)
def test_a_team_has_its_cpus_and_borrows_within_its_limit(team: QueuedTeam, quota: dict[str, str]) -> None:
    assert cpus(team) == quota


def test_cpus_are_of_no_node_and_counted_apart_from_gpus() -> None:
    teams = (dataclasses.replace(RESEARCH, cpu_quota=2), APPLIED)
    made = team_quotas.objects(POOLS, teams)
    (flavor,) = [each for each in made if each["metadata"]["name"] == "cpus"]
    assert flavor["spec"] == {}
    for queue in (each for each in made if each["kind"] == "ClusterQueue"):
        covered = [group["coveredResources"] for group in queue["spec"]["resourceGroups"]]
        assert covered == [[GPU_RESOURCE], ["cpu"]]


def test_without_a_quota_of_cpus_nothing_speaks_of_them() -> None:
    assert "cpu" not in str(team_quotas.objects(POOLS, TEAMS))


def test_teams_without_pools_borrow_in_a_cohort_of_their_own_name() -> None:
    team = QueuedTeam(name="a", cpu_quota=2)
    kinds = [(each["kind"], each["metadata"]["name"]) for each in team_quotas.objects((), (team,))]
    assert kinds == [("ResourceFlavor", "cpus"), ("Cohort", "teams"), ("ClusterQueue", "a")]
    assert team_quotas.cluster_queue_spec(team, (), count_cpus=True)["cohortName"] == "teams"


def test_flavors_come_before_the_cohort_and_queues_last() -> None:
    kinds = [each["kind"] for each in team_quotas.objects(POOLS, TEAMS)]
    assert kinds == ["ResourceFlavor", "ResourceFlavor", "Cohort", "ClusterQueue", "ClusterQueue"]


def test_a_namespace_has_the_queue_that_kueue_takes_by_default() -> None:
    queue = team_quotas.local_queue("research")
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
            (QueuedTeam(name="a", quota={"training": 20}), QueuedTeam(name="b", quota={"training": 13})),
            "teams: quotas assign 33 devices of pool 'training', which has 32 at its max",
        ),
        (
            (dataclasses.replace(TRAINING, sharing=TimeSlicing(replicas=2)),),
            (QueuedTeam(name="a", quota={"training": 1}), QueuedTeam(name="b", quota={"training": 1})),
            "teams: a and b share pool 'training', whose time slices isolate no memory",
        ),
        (
            (TRAINING,),
            (QueuedTeam(name="a", borrowing=False, borrowing_limit=1),),
            "teams a: borrowing_limit needs borrowing: true; leave out one of them",
        ),
        (
            (),
            (QueuedTeam(name="a", cpu_quota=1, borrowing=False, cpu_borrowing_limit=1),),
            "teams a: cpu_borrowing_limit needs borrowing: true; leave out one of them",
        ),
        (
            (),
            (QueuedTeam(name="a", cpu_borrowing_limit=1),),
            "teams a: cpu_borrowing_limit needs cpu_quota, without which CPUs are not counted",
        ),
        (
            (dataclasses.replace(TRAINING, name="cpus"),),
            (QueuedTeam(name="a", cpu_quota=1),),
            "pools has a pool 'cpus', as the CPUs of teams are called in their queues: choose another name",
        ),
    ],
)
def test_what_could_never_work_is_named(
    pools: tuple[GpuPool, ...], teams: tuple[QueuedTeam, ...], problem: str
) -> None:
    (found,) = team_quotas.problems(pools, teams)
    assert problem in found


def test_problems_are_named_in_the_words_of_the_users_configuration() -> None:
    words = team_quotas.FieldNames(
        pools="gpuPools", teams="groups", quota="share", borrowing="lend", borrowing_limit="lendMax"
    )
    team = QueuedTeam(name="a", quota={"none": 1}, borrowing=False, borrowing_limit=1)
    assert team_quotas.problems([TRAINING], [team], words) == [
        "groups a: share names pool 'none'; gpuPools has training",
        "groups a: lendMax needs lend: true; leave out one of them",
    ]


def test_slices_are_isolated_and_may_be_shared_across_teams() -> None:
    pool = dataclasses.replace(TRAINING, sharing=Mig(profile="1g.10gb"))
    teams = [QueuedTeam(name=name, quota={"training": 1}) for name in ("a", "b")]
    assert team_quotas.problems([pool], teams) == []


@given(shares=st.lists(st.integers(min_value=0, max_value=8), min_size=1, max_size=4))
def test_quotas_and_the_cohort_add_up_to_the_pool(shares: list[int]) -> None:
    teams = [QueuedTeam(name=f"t{number}", quota={"training": share}) for number, share in enumerate(shares)]
    assert team_quotas.problems([TRAINING], teams) == []
    own = [quotas(team_quotas.cluster_queue_spec(team, [TRAINING]))["training"] for team in teams]
    cohort = team_quotas.cohort_spec([TRAINING], teams)
    rest = quotas(cohort)["training"]["nominalQuota"] if cohort else "0"
    assert sum(int(each["nominalQuota"]) for each in own) + int(rest) == TRAINING.devices
