"""Rollouts under load: a good version is promoted, a bad one is rolled back, and callers hardly notice."""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from kubernetes import client

from harness.evidence import stories
from harness.evidence.stories import Story
from harness.faults.candidates import faulty_candidate
from tests.e2e import rolling
from tests.e2e.callers import calling
from tests.e2e.rolling import MODEL, ended, followed, roll_out, serving
from workloads import cluster_client, lineage, rollouts
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving import model_route
from workloads.serving.deployment import deploy_version
from workloads.serving.inference_service import version_service
from workloads.serving.model_rollout import ENDED, SERVES, Phase, rollout_phase, rollout_reason
from workloads.serving.model_rollouts import ModelRollouts
from workloads.tracking import connect

# Trains a model and calls it for minutes.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nothing_under_way")]

Record = Callable[[str, object], None]
_RATE = 60


@pytest.fixture
def other_version(endpoints: Endpoints) -> str:
    """A version as good as the one that serves, with other files; it waits for a rollout."""
    return rolling.other_version(endpoints)


def _pods(endpoints: Endpoints, version: str) -> dict[str, int]:
    """Return the restarts of each pod of a version, by the pod's uid."""
    api: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    selector = f"serving.kserve.io/inferenceservice={version_service(MODEL, version)}"
    found = api.list_namespaced_pod(endpoints.models_namespace, label_selector=selector)
    return {
        each.metadata.uid: sum(status.restart_count for status in each.status.container_statuses or [])
        for each in found.items
    }


def _counted(rollout: Mapping[str, Any]) -> dict[int, tuple[int, int]]:
    """Return share -> answers of the new version, and of both."""
    return {
        each["weight"]: (each["canary"], each["canary"] + each["stable"])
        for each in rollout["status"]["counts"]
    }


def test_a_good_version_is_promoted_in_steps_and_no_request_fails(
    endpoints: Endpoints,
    row: list[float],
    other_version: str,
    record_property: Record,
    keep_story: Callable[[Story], None],
) -> None:
    former = serving(endpoints)
    before, after = rolling.digest_of(endpoints, former), rolling.digest_of(endpoints, other_version)
    with calling(endpoints, MODEL, row, rate=_RATE) as answers:
        began = time.monotonic()
        name = rolling.begin(endpoints, other_version)
        with followed(endpoints, name) as seen:
            ModelRollouts(endpoints).wait(name, [Phase.PROGRESSING], timeout_seconds=120)
            pods = _pods(endpoints, former) | _pods(endpoints, other_version)
            ModelRollouts(endpoints).wait(name, SERVES, timeout_seconds=180)
            seconds = time.monotonic() - began
            during = _pods(endpoints, former) | _pods(endpoints, other_version)
            rollout = ended(endpoints, name)
    keep_story(stories.of_rollout("rollout-good", "A version as good as the one that serves", seen))
    assert rollout_phase(rollout) is Phase.PROMOTED, rollout_reason(rollout)
    assert answers.failed == 0, (answers.unanswered[:3], answers.failed_by_digest)
    assert set(answers.by_digest) == {before, after}
    assert during == pods
    # The gateway takes turns: each share is met to the point, but for what was under way at its change.
    for weight, (canary, both) in _counted(rollout).items():
        assert abs(100 * canary / both - weight) <= 100 * 3 / both + 1, (weight, canary, both)
    aliases = connect(endpoints).get_registered_model(MODEL).aliases
    assert (str(aliases["champion"]), str(aliases["previous"])) == (other_version, former)
    traced = lineage.trace(endpoints, MODEL)
    assert (traced.model_version, lineage.broken_links(traced)) == (other_version, [])
    record_property(
        "rollout: requests, failed, seconds until it serves",
        f"{answers.by_digest.total()}, {answers.failed}, {seconds:.0f}",
    )


@pytest.mark.parametrize(
    ("kind", "faults", "because", "bounds"),
    [
        pytest.param("every fifth request fails", {"fail_every": 5}, "fails more often", (30, 15), id="20 %"),
        pytest.param(
            "one request in twenty fails", {"fail_every": 20}, "fails more often", (75, 60), id="5 %"
        ),
        pytest.param("every answer takes 20 ms more", {"seconds": 0.02}, "is slower", (90, 0), id="slower"),
    ],
)
def test_a_bad_version_is_rolled_back_and_the_one_before_it_answers_every_request(
    endpoints: Endpoints,
    row: list[float],
    record_property: Record,
    keep_story: Callable[[Story], None],
    kind: str,
    faults: dict[str, Any],
    because: str,
    bounds: tuple[float, int],
) -> None:
    bound_seconds, bound_failed = bounds
    former = serving(endpoints)
    stable = rolling.digest_of(endpoints, former)
    with (
        faulty_candidate(endpoints, MODEL, **faults) as candidate,
        calling(endpoints, MODEL, row, rate=_RATE) as answers,
    ):
        began = time.monotonic()
        # Some of its faults would be found before any caller: here it is callers who find them.
        name = roll_out(endpoints, candidate.version, candidate.digest, shadowRows=0)
        with followed(endpoints, name) as seen:
            rollout = ended(endpoints, name)
        seconds = time.monotonic() - (answers.first_failure or began)
    story = f"rollout-{kind.replace(' ', '-')}"
    keep_story(stories.of_rollout(story, f"A version with a fault: {kind}", seen))
    assert rollout_phase(rollout) is Phase.ROLLED_BACK
    assert because in rollout_reason(rollout), rollout_reason(rollout)
    assert answers.failed_by_digest[stable] == 0
    assert answers.unanswered == []
    assert answers.failed <= bound_failed
    assert seconds <= bound_seconds
    assert serving(endpoints) == former
    aliases = connect(endpoints).get_registered_model(MODEL).aliases
    assert str(aliases["champion"]) == former
    record_property(
        f"rolled back ({rollout_reason(rollout)}): failed callers, seconds",
        f"{answers.failed}, {seconds:.0f}",
    )


def test_other_files_than_were_proven_get_no_request(endpoints: Endpoints, other_version: str) -> None:
    former = serving(endpoints)
    name = roll_out(endpoints, other_version, "0" * 64)
    deploy_version(endpoints, MODEL, other_version)
    rollout = ended(endpoints, name)
    assert rollout_phase(rollout) is Phase.ROLLED_BACK
    assert "answers with digest" in rollout_reason(rollout)
    assert rollout["status"].get("counts", []) == []
    assert serving(endpoints) == former


def test_a_version_without_a_pod_is_rolled_back_at_the_deadline(endpoints: Endpoints) -> None:
    former = serving(endpoints)
    rollout = ended(endpoints, roll_out(endpoints, "99999", "0" * 64, deadlineSeconds=10), seconds=60)
    assert rollout_phase(rollout) is Phase.ROLLED_BACK
    assert rollout_reason(rollout).startswith("version 99999 is missing")
    assert serving(endpoints) == former


@contextmanager
def _without_controller(endpoints: Endpoints) -> Generator[None]:
    """End the controller's pod; its Deployment starts another."""
    api: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    for pod in api.list_namespaced_pod("delivery").items:
        api.delete_namespaced_pod(pod.metadata.name, "delivery", grace_period_seconds=0)
    yield


def test_a_controller_that_is_killed_in_each_phase_comes_to_the_same_end(
    endpoints: Endpoints, row: list[float], other_version: str
) -> None:
    rollouts_of = ModelRollouts(endpoints)
    with calling(endpoints, MODEL, row, rate=_RATE) as answers:
        name = rolling.begin(endpoints, other_version, bakeSeconds=30)
        for phase in (Phase.PROGRESSING, Phase.BAKING):
            rollouts_of.wait(name, [phase, *ENDED], timeout_seconds=180)
            with _without_controller(endpoints):
                pass
        rollout = ended(endpoints, name)
    assert rollout_phase(rollout) is Phase.PROMOTED, rollout_reason(rollout)
    assert answers.failed == 0, (answers.unanswered[:3], answers.failed_by_digest)
    assert serving(endpoints) == other_version


def test_a_route_that_somebody_changes_is_put_back(endpoints: Endpoints) -> None:
    version = serving(endpoints)
    api: Any = client.CustomObjectsApi(cluster_client.connect(endpoints.kubeconfig))
    place = (*model_route.API, endpoints.models_namespace, model_route.PLURAL, model_route.name(MODEL))
    api.patch_namespaced_custom_object(*place, {"spec": {"hostnames": ["stolen.example"]}})
    deadline = time.monotonic() + 20
    while True:
        route = api.get_namespaced_custom_object(*place)
        if route["spec"]["hostnames"] == [endpoints.model_host(MODEL)]:
            break
        assert time.monotonic() < deadline
    assert model_route.weights(route, MODEL) == {version: 100}


@pytest.mark.parametrize(
    ("steps", "refusal"),
    [
        ([{"weight": 50}, {"weight": 5}], "the weights are out of order"),
        ([{"weight": 5}, {"weight": 5}], "two steps have the same weight"),
        ([{"weight": 100}], "spec.steps"),
        ([{"weight": 0}], "spec.steps"),
    ],
)
def test_steps_that_make_no_sense_are_refused_by_the_api(
    endpoints: Endpoints, steps: list[dict[str, int]], refusal: str
) -> None:
    with pytest.raises(WorkloadsError, match=refusal):
        roll_out(endpoints, "1", "0" * 64, steps=steps)


def test_who_asks_for_a_rollout_does_not_approve_it(endpoints: Endpoints) -> None:
    name = roll_out(endpoints, "99999", "0" * 64, approval={"required": True}, deadlineSeconds=10)
    assert ModelRollouts(endpoints).get(name)["spec"]["requestedBy"]
    with pytest.raises(WorkloadsError, match="somebody else than who has asked"):
        ModelRollouts(endpoints).approve(name)
    assert ended(endpoints, name, seconds=60)["spec"]["approval"] == {"required": True}


def test_the_command_line_shows_where_a_rollout_is(
    endpoints: Endpoints, capsys: pytest.CaptureFixture[str]
) -> None:
    from workloads import __main__ as command

    options = command._options(["rollout", MODEL, "status"])  # pyright: ignore[reportPrivateUsage]
    assert rollouts.run(endpoints, options) == 0
    assert f"model      {MODEL} version " in capsys.readouterr().out
