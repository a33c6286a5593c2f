"""Jobs of teams queue for CPUs: they wait with a reason, borrow, are preempted and go on.

`make up STACK=full`, then `make verify STACK=full ONLY=teams`. Quotas and what Jobs request are small: it is
counted, not used, so that a machine with two CPUs shows what a large one would.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from kubernetes import client

from components.queues import team_quotas
from components.queues.team_quotas import CPU_FLAVOR, QueuedTeam
from infra.settings.stack import Settings
from infra.settings.teams import TeamSettings
from tests.e2e import probe
from tests.fixtures.admission_cases import RESTRICTED
from workloads import cluster_client
from workloads.endpoints import Endpoints
from workloads.wait import wait

pytestmark = [pytest.mark.slow, pytest.mark.teams, pytest.mark.pipelines]

_KUEUE = ("kueue.x-k8s.io", "v1beta2")
_WAIT_SECONDS = 60
_JOB_SECONDS = 180
# How long the work of a Job takes; what holds a quota lasts until it is deleted.
_SHORT, _LONG = 5, 600


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Clients of the Kubernetes API."""

    core: Any
    batch: Any
    objects: Any
    image: str
    """Image with Python."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A Job of a team."""

    cluster: Cluster
    namespace: str
    name: str

    @property
    def status(self) -> Any:
        """What the API says of it."""
        return self.cluster.batch.read_namespaced_job(self.name, self.namespace)

    @property
    def workload(self) -> dict[str, Any]:
        """What Kueue says of it; empty before it has seen the Job."""
        uid = self.status.metadata.uid
        place = (*_KUEUE, self.namespace, "workloads")
        listed = self.cluster.objects.list_namespaced_custom_object(*place)["items"]
        owned = [each for each in listed if each["metadata"]["ownerReferences"][0]["uid"] == uid]
        return owned[0] if owned else {}

    def condition(self, kind: str) -> dict[str, Any]:
        """Return a condition of its workload."""
        found = [
            each for each in self.workload.get("status", {}).get("conditions", []) if each["type"] == kind
        ]
        return found[0] if found else {}

    def wait_until(self, what: str, kind: str, status: str, says: str = "") -> None:
        """Wait for a condition of its workload whose message has a part."""
        wait(
            f"{self.namespace}/{self.name}: {what}",
            lambda: self.condition(kind),
            ready=lambda found: found.get("status") == status and says in found["message"],
            timeout_seconds=_WAIT_SECONDS,
        )

    def wait_until_admitted(self) -> None:
        """Wait until Kueue has admitted it."""
        self.wait_until("is admitted", "Admitted", "True")

    def wait_until_it_says_why(self, says: str) -> None:
        """Wait until Kueue gives a reason for not admitting it."""
        self.wait_until("waits", "QuotaReserved", "False", says)
        assert self.status.spec.suspend
        assert not self.status.status.active

    def wait_until_complete(self) -> None:
        """Wait until its pods have succeeded."""

        def failed(found: Any) -> str | None:
            failures = [each for each in found.status.conditions or [] if each.type == "Failed"]
            return failures[0].message if failures else None

        wait(
            f"{self.namespace}/{self.name}: is complete",
            lambda: self.status,
            ready=lambda found: bool(found.status.succeeded),
            error=failed,
            describe=lambda found: str(found.status),
            timeout_seconds=_JOB_SECONDS,
        )


Submit = Callable[..., Job]


@pytest.fixture(scope="module")
def cluster(endpoints: Endpoints) -> Cluster:
    connected = cluster_client.connect(endpoints.kubeconfig)
    return Cluster(
        core=client.CoreV1Api(connected),
        batch=client.BatchV1Api(connected),
        objects=client.CustomObjectsApi(connected),
        image=endpoints.workload_image,
    )


@pytest.fixture(scope="module")
def quotas(settings: Settings, stack: str) -> Mapping[str, TeamSettings]:
    """The teams `research`, which may borrow, and `applied`, which may not."""
    found = {each.name: each for each in settings.teams if each.cpu_quota}
    if not {"research", "applied"} <= found.keys():
        pytest.skip(f"stack {stack} has no quotas of CPUs: `make up STACK=full`, then ONLY=teams")
    assert found["research"].borrowing
    assert not found["applied"].borrowing
    return found


@pytest.fixture
def submit(cluster: Cluster, quotas: Mapping[str, TeamSettings]) -> Generator[Submit]:
    """Create a Job of a team that requests a part of its quota; delete it afterwards."""
    made: list[Job] = []

    def create(
        team: str, name: str, *, share: float = 1, seconds: int = _SHORT, queue: str = "", pods: int = 1
    ) -> Job:
        cpu_quota = quotas[team].cpu_quota
        assert cpu_quota
        thousandths = round(cpu_quota * share * 1000 / pods)
        container = {
            "name": "work",
            "image": cluster.image,
            "command": ["python3", "-c", f"import time; time.sleep({seconds})"],
            "securityContext": RESTRICTED,
            "resources": {"requests": {"cpu": f"{thousandths}m", "memory": "16Mi"}},
        }
        body = {
            "metadata": {"name": name, "labels": {"kueue.x-k8s.io/queue-name": queue} if queue else {}},
            "spec": {
                "parallelism": pods,
                "completions": pods,
                "template": {
                    "spec": {
                        "restartPolicy": "Never",
                        "terminationGracePeriodSeconds": 0,
                        "containers": [container],
                    }
                },
            },
        }
        cluster.batch.create_namespaced_job(team, body)
        job = Job(cluster=cluster, namespace=team, name=name)
        made.append(job)
        return job

    try:
        yield create
    finally:
        for each in made:
            _delete(each)


def _delete(job: Job) -> None:
    """Delete a Job and wait until its quota is free; one that is gone is left alone."""
    body = client.V1DeleteOptions(propagation_policy="Foreground")
    try:
        job.cluster.batch.delete_namespaced_job(job.name, job.namespace, body=body)
    except client.ApiException as error:
        if error.status != 404:
            raise
        return

    def left() -> list[str]:
        jobs = job.cluster.batch.list_namespaced_job(job.namespace).items
        return [each.metadata.name for each in jobs if each.metadata.name == job.name]

    wait(f"{job.name} is gone", left, ready=lambda names: not names, timeout_seconds=_WAIT_SECONDS)


def test_a_job_beyond_the_quota_waits_with_the_reason_and_is_admitted_when_it_frees(submit: Submit) -> None:
    holds = submit("applied", "holds", seconds=_LONG)
    holds.wait_until_admitted()
    # A team that may not borrow waits, though another team's CPUs are idle.
    second = submit("applied", "second")
    second.wait_until_it_says_why(f"insufficient unused quota for cpu in flavor {CPU_FLAVOR}")
    _delete(holds)
    second.wait_until_admitted()
    second.wait_until_complete()


def test_what_waits_for_nothing_starts_while_the_quota_is_used_up(submit: Submit, cluster: Cluster) -> None:
    submit("applied", "holds", seconds=_LONG).wait_until_admitted()
    # A pod, such as a step of a pipeline, that may itself wait for a Job.
    assert probe.run(cluster.core, "applied", cluster.image, "print(1)") == 1


def test_a_team_borrows_gives_back_by_preemption_and_goes_on(
    submit: Submit, quotas: Mapping[str, TeamSettings]
) -> None:
    own, lent = quotas["research"].cpu_quota, quotas["applied"].cpu_quota
    assert own
    assert lent
    # All of both teams: two pods, together or not at all.
    borrows = submit("research", "borrows", share=(own + lent) / own, seconds=20, pods=2)
    borrows.wait_until_admitted()
    lender = submit("applied", "lender")
    borrows.wait_until("is preempted", "Evicted", "True", "reclamation within the cohort")
    lender.wait_until_admitted()
    borrows.wait_until_it_says_why(f"insufficient unused quota for cpu in flavor {CPU_FLAVOR}")
    lender.wait_until_complete()
    borrows.wait_until_admitted()
    wait(
        "the preempted Job finishes",
        lambda: borrows.status.status.succeeded,
        ready=lambda succeeded: succeeded == 2,
        timeout_seconds=_JOB_SECONDS,
    )


def test_more_than_all_teams_have_waits_with_what_there_could_be(submit: Submit) -> None:
    job = submit("research", "too-large", share=100)
    job.wait_until_it_says_why("> maximum capacity")


@contextmanager
def _queue_without_quota(cluster: Cluster, team: str) -> Generator[str]:
    """Give a team a second queue, whose quota is zero."""
    name = f"{team}-zero"
    spec = team_quotas.cluster_queue_spec(
        QueuedTeam(name=team, cpu_quota=0, borrowing=False), (), count_cpus=True
    )
    place = (*_KUEUE, "clusterqueues")
    local = (*_KUEUE, team, "localqueues")
    version = "/".join(_KUEUE)
    queue = {"apiVersion": version, "kind": "ClusterQueue", "metadata": {"name": name}, "spec": spec}
    cluster.objects.create_cluster_custom_object(*place, queue)
    try:
        leads = {"metadata": {"name": name}, "spec": {"clusterQueue": name}}
        body = {"apiVersion": version, "kind": "LocalQueue", **leads}
        cluster.objects.create_namespaced_custom_object(*local, body)
        try:
            yield name
        finally:
            cluster.objects.delete_namespaced_custom_object(*local, name)
    finally:
        cluster.objects.delete_cluster_custom_object(*place, name)


def test_a_quota_of_zero_admits_nothing_and_says_so(submit: Submit, cluster: Cluster) -> None:
    with _queue_without_quota(cluster, "research") as queue:
        job = submit("research", "without-quota", queue=queue)
        job.wait_until_it_says_why("> maximum capacity")
        assert not job.status.status.active
        _delete(job)
