"""Promises of the simulated GPU tier. Nodes are simulated; every program that decides is real."""

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from components.gpus.gpu_pools import GPU_RESOURCE, TOLERATION
from harness import published_figures
from simulation.gpus import nodes
from simulation.gpus.api import RefusedError, condition
from simulation.gpus.pods import gang, pod, state, unschedulable
from simulation.gpus.tier import NOT_READY, Tier
from tests.gpu_sim.conftest import Team

Teams = Callable[[str], Team]
Record = Callable[[str, object], None]
_BURST = 500
_GANG = 64
_PLAIN = 40
SECONDS = {name: bound.value for name, bound in published_figures.bounds("gpu-tier").items()}


def test_a_thousand_nodes_have_eight_gpus_each(tier: Tier, record_property: Record) -> None:
    found = tier.pool_nodes("training")
    assert len(found) == 1000
    assert {each["status"]["allocatable"][GPU_RESOURCE] for each in found} == {"8"}
    assert all(condition(each, "Ready")["status"] == "True" for each in found)
    record_property("simulated nodes", len(tier.api.items("/api/v1/nodes")))
    record_property("processors", os.cpu_count())


def test_a_burst_of_500_gpu_pods_scales_a_pool_from_zero_and_back_to_zero(
    tier: Tier, team: Teams, record_property: Record
) -> None:
    research = team("research")
    assert not tier.pool_nodes("burst")
    submitted = time.monotonic()
    tier.api.create_all(pod(f"burst-{number}", "research", gpus=1, pool="burst") for number in range(_BURST))
    research.reaches("the burst runs", timeout_seconds=SECONDS["burst"], running=_BURST)
    record_property(
        "simulated: seconds from submit to last bound pod", round(time.monotonic() - submitted, 1)
    )
    started = {each["metadata"]["name"] for each in tier.pool_nodes("burst")}
    assert {each["spec"]["nodeName"] for each in research.pods()} <= started
    assert len(started) >= _BURST / 8
    record_property("simulated: nodes started", len(started))
    for name in ("kueue", "karpenter", "kube-scheduler", "kube-apiserver", "etcd", "kwok"):
        record_property(f"resident MiB of {name}", tier.programs.resident_mib(name))
    total = sum(tier.programs.resident_mib(name) for name in tier.programs.names())
    record_property("resident MiB of all programs", round(total))
    emptied = time.monotonic()
    research.clear()

    def left() -> str | None:
        return ", ".join(each["metadata"]["name"] for each in tier.pool_nodes("burst")[:3]) or None

    tier.wait("the pool is back to zero", left, timeout_seconds=SECONDS["pool_empty"])
    record_property("simulated: seconds from last pod to no node", round(time.monotonic() - emptied, 1))


def test_a_quota_is_honoured_borrowed_in_the_cohort_and_given_back(tier: Tier, team: Teams) -> None:
    """Of 32 devices research owns 16 and applied 8, which may not borrow; 8 belong to nobody."""
    research, applied = team("research"), team("applied")
    tier.api.create_all(pod(f"r-{number}", "research", gpus=8, pool="inference") for number in range(4))
    research.reaches("research has all that is idle", timeout_seconds=SECONDS["settled"], running=4)

    tier.api.create(pod("a-0", "applied", gpus=8, pool="inference"))
    applied.reaches("applied gets its own back", timeout_seconds=SECONDS["quota_returned"], running=1)
    running = [each for each in research.pods() if state(each) == "running"]
    assert len(running) == 3

    tier.api.create(pod("a-1", "applied", gpus=8, pool="inference"))
    research.clear()
    # 24 devices are idle now, and applied may not borrow one of them.
    applied.reaches(
        "applied stays within its quota",
        timeout_seconds=SECONDS["settled"],
        successes=10,
        running=1,
        queued=1,
    )
    (waiting,) = [each for each in _workloads(tier, "applied") if not _has(each, "QuotaReserved")]
    assert "insufficient unused quota" in condition(waiting, "QuotaReserved")["message"]


def test_a_gang_of_64_is_admitted_whole_or_not_at_all(
    tier: Tier, team: Teams, record_property: Record
) -> None:
    """Applied owns 512 devices: exactly enough for the gang, except while another pod holds 8 of them."""
    applied = team("applied")
    tier.api.create(pod("holder", "applied", gpus=8, pool="training"))
    applied.reaches("one pod runs", timeout_seconds=SECONDS["settled"], running=1)
    members = gang("gang", _GANG, "applied", gpus=8, pool="training")
    tier.api.create_all(members[:-1])
    applied.reaches(
        "63 of 64 wait for the last",
        timeout_seconds=SECONDS["settled"],
        successes=6,
        running=1,
        queued=_GANG - 1,
    )
    tier.api.create(members[-1])
    applied.reaches(
        "the gang waits whole for 8 devices",
        timeout_seconds=SECONDS["settled"],
        successes=10,
        running=1,
        queued=_GANG,
    )
    (waiting,) = [each for each in _workloads(tier, "applied") if not _has(each, "QuotaReserved")]
    assert "insufficient unused quota" in condition(waiting, "QuotaReserved")["message"]

    freed = time.monotonic()
    tier.api.request("DELETE", "/api/v1/namespaces/applied/pods/holder", json={"gracePeriodSeconds": 0})
    applied.reaches("the gang runs whole", timeout_seconds=SECONDS["gang_runs"], running=_GANG)
    record_property(
        "simulated: seconds from room to a running gang of 64", round(time.monotonic() - freed, 1)
    )
    assert len({each["spec"]["nodeName"] for each in applied.pods()}) == _GANG


def test_cordoned_unhealthy_and_lost_gpu_nodes_are_avoided(tier: Tier, team: Teams) -> None:
    """Of four nodes three become unusable, each in its own way; the quota would allow two pods."""
    research = team("research")
    path = "/api/v1/nodes/inference-"
    tier.api.patch(f"{path}0", {"spec": {"unschedulable": True}})
    # A kubelet reports this once the device plugin has marked every device unhealthy.
    tier.api.patch(f"{path}1/status", {"status": {"allocatable": {GPU_RESOURCE: "0"}}})
    tier.api.patch(f"{path}2", {"metadata": {"labels": {nodes.NOT_READY_LABEL: "true"}}})

    def still_ready() -> str | None:
        found = tier.api.get(f"{path}2")
        lost = condition(found, "Ready").get("status") == "False" and NOT_READY in nodes.taints(found)
        return None if lost else str(nodes.taints(found))

    tier.wait("the lost node is not ready", still_ready, timeout_seconds=SECONDS["settled"])
    tier.api.create_all(pod(f"r-{number}", "research", gpus=8, pool="inference") for number in range(2))
    research.reaches("one pod runs", timeout_seconds=SECONDS["settled"], successes=6, running=1, pending=1)
    by_state = {state(each): each for each in research.pods()}
    assert by_state["running"]["spec"]["nodeName"] == "inference-3"
    reason = unschedulable(by_state["pending"])
    for cause in (
        "1 node(s) were unschedulable",
        f"2 Insufficient {GPU_RESOURCE}",
        "1 node(s) had untolerated",
    ):
        assert cause in reason, reason

    tier.api.patch(f"{path}0", {"spec": {"unschedulable": False}})
    research.reaches("an uncordoned node is used again", timeout_seconds=SECONDS["settled"], running=2)
    assert {each["spec"]["nodeName"] for each in research.pods()} == {"inference-3", "inference-0"}
    tier.api.patch(f"{path}1/status", {"status": {"allocatable": {GPU_RESOURCE: "8"}}})
    tier.api.patch(f"{path}2", {"metadata": {"labels": {nodes.NOT_READY_LABEL: None}}})


def test_pods_without_gpu_never_land_on_gpu_nodes(tier: Tier, team: Teams) -> None:
    research = team("research")
    plain = [pod(f"plain-{number}", "research") for number in range(_PLAIN)]
    tier.api.create_all(plain)
    research.reaches("plain pods run", timeout_seconds=SECONDS["settled"], running=_PLAIN)
    found = research.pods()
    assert {each["spec"]["nodeName"].partition("-")[0] for each in found} == {"system"}
    # No LimitRange gives them a GPU, and Kueue does not queue them.
    limits = [each["spec"]["containers"][0]["resources"]["limits"] for each in found]
    assert all(GPU_RESOURCE not in limit for limit in limits)
    assert not any(each["metadata"].get("finalizers") for each in found)

    for number in range(2):
        tier.api.patch(f"/api/v1/nodes/system-{number}", {"spec": {"unschedulable": True}})
    try:
        tier.api.create(pod("late", "research"))
        research.reaches(
            "it stays pending next to a thousand idle GPU nodes",
            timeout_seconds=SECONDS["settled"],
            successes=6,
            running=_PLAIN,
            pending=1,
        )
        (late,) = [each for each in research.pods() if state(each) == "pending"]
        gpu_nodes = sum(len(tier.pool_nodes(pool.name)) for pool in tier.settings.gpu_pools)
        reason = unschedulable(late)
        assert f"{gpu_nodes} node(s) had untolerated taint" in reason, reason
    finally:
        for number in range(2):
            tier.api.patch(f"/api/v1/nodes/system-{number}", {"spec": {"unschedulable": False}})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tolerations": [dict(TOLERATION)]}, "requests no nvidia.com/gpu but tolerates"),
        ({"tolerations": [{"operator": "Exists"}]}, "requests no nvidia.com/gpu but tolerates"),
        ({"nodeName": "training-0"}, "bypasses the scheduler"),
    ],
    ids=["by its toleration", "by tolerating everything", "by naming a node"],
)
def test_a_team_cannot_bypass_the_rules_of_gpu_nodes(tier: Tier, change: dict[str, Any], reason: str) -> None:
    refused = pod("sly", "research")
    refused["spec"].update(change)
    with pytest.raises(RefusedError, match=reason):
        tier.api.create(refused)


def test_with_kueue_down_only_gpu_pods_of_teams_do_not_start(tier: Tier, team: Teams) -> None:
    research = team("research")
    with tier.programs.suspended("kueue"):
        tier.api.create(pod("plain", "research"))
        research.reaches("a plain pod runs", timeout_seconds=SECONDS["without_kueue"], running=1)
        with pytest.raises(RefusedError, match="failed calling webhook"):
            tier.api.create(pod("asking", "research", gpus=1, pool="training"))
    tier.api.create(pod("asking", "research", gpus=1, pool="training"))
    research.reaches("both run", timeout_seconds=SECONDS["settled"], running=2)


def test_gpu_pods_of_deployments_and_jobs_are_queued_too(tier: Tier, team: Teams) -> None:
    """Kueue looks up who owns a pod, and suspends a Job until there is room."""
    research = team("research")
    spec = pod("unused", "research", gpus=8, pool="inference")["spec"]
    template = {"metadata": {"labels": {"app": "served"}}, "spec": spec}
    served = {"selector": {"matchLabels": {"app": "served"}}, "template": template}
    trained = {"template": {"spec": {**spec, "restartPolicy": "Never"}}}
    made = {"deployments": ("apps/v1", "Deployment", served), "jobs": ("batch/v1", "Job", trained)}
    try:
        for name, (version, kind, wanted) in made.items():
            metadata = {"name": name, "namespace": "research"}
            tier.api.create({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": wanted})
        research.reaches("both run", timeout_seconds=SECONDS["settled"], running=2)
        queued = [each["metadata"]["ownerReferences"][0]["kind"] for each in _workloads(tier, "research")]
        assert sorted(queued) == ["Job", "Pod"]
    finally:
        for plural, (version, _, _) in made.items():
            tier.api.delete_all(f"/apis/{version}/namespaces/research/{plural}")


def test_gpu_pods_get_the_toleration_and_others_do_not(tier: Tier, team: Teams) -> None:
    team("research")
    asking = pod("asking", "research", gpus=1)
    made = tier.api.request("POST", "/api/v1/namespaces/research/pods?dryRun=All", json=asking)
    assert TOLERATION in made["spec"]["tolerations"]
    plain = tier.api.request(
        "POST", "/api/v1/namespaces/default/pods?dryRun=All", json=pod("plain", "default")
    )
    assert TOLERATION not in plain["spec"]["tolerations"]


def test_gpu_pods_of_teams_keep_their_nodes_unless_they_say_otherwise(tier: Tier, team: Teams) -> None:
    team("research")
    key = "cluster-autoscaler.kubernetes.io/safe-to-evict"

    def kept(namespace: str, **annotations: str) -> str | None:
        asking = pod("asking", namespace, gpus=1)
        asking["metadata"]["annotations"] = annotations
        made = tier.api.request("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", json=asking)
        return made["metadata"].get("annotations", {}).get(key)

    assert kept("research") == "false"
    assert kept("research", **{key: "true"}) == "true"


def test_outside_of_the_teams_a_gpu_is_refused(tier: Tier) -> None:
    """No quota would count it."""
    with pytest.raises(
        RefusedError, match="GPUs are shared by teams: run the pod in the namespace of a team"
    ):
        tier.api.create(pod("outsider", "default", gpus=1))


def _workloads(tier: Tier, team: str) -> list[Any]:
    return tier.api.items(f"/apis/kueue.x-k8s.io/v1beta2/namespaces/{team}/workloads")


def _has(workload: Any, kind: str) -> bool:
    return condition(workload, kind).get("status") == "True"
