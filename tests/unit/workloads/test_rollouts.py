"""The command that serves another version of a model."""

import json
from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fixtures.models import ROLLOUTS, SERVED
from tests.fixtures.platforms import OUTPUTS
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from workloads import __main__ as command
from workloads import tracking
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.rollouts import parse_steps
from workloads.serving import deployment
from workloads.serving.model_rollout import rollout_body


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        (None, None),
        ("none", []),
        ("5:10", [{"weight": 5, "seconds": 10}]),
        (
            "1:0, 50:10,99:99999",
            [{"weight": 1, "seconds": 0}, {"weight": 50, "seconds": 10}, {"weight": 99, "seconds": 99999}],
        ),
    ],
)
def test_steps_are_shares_and_seconds(text: str | None, steps: list[dict[str, int]] | None) -> None:
    assert parse_steps(text) == steps


@pytest.mark.parametrize(
    "given", ["", "5", "5:", ":5", "0:10", "00:10", "100:10", "-5:10", "5:1.5", "5:10x", "a:b", "٣x:1"]
)
def test_what_is_no_share_and_time_is_refused(given: str) -> None:
    for text, named in ((given, given), (f"3:1,{given}", given)):
        with pytest.raises(WorkloadsError) as refused:
            parse_steps(text)
        assert str(refused.value) == (
            f"steps: {named!r} is no share and time: give WEIGHT:SECONDS with a weight of 1 to 99, "
            "such as 5:10,25:10,50:10, or none"
        )


@pytest.mark.parametrize(("given", "weights"), [("25:10,5:10", "[25, 5]"), ("5:1,5:2", "[5, 5]")])
def test_shares_that_do_not_grow_are_refused(given: str, weights: str) -> None:
    with pytest.raises(WorkloadsError) as refused:
        parse_steps(given)
    assert str(refused.value) == (
        f"steps: weights {weights} are out of order: each is a larger share than the one before"
    )


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[StubCluster]:
    """A cluster whose controller has decided nothing, and a registry that knows every version."""
    monkeypatch.setattr("workloads.wait.time.sleep", lambda _: None)
    monkeypatch.setattr(deployment, "registered_version", lambda *_: SERVED)
    with stub_cluster(tmp_path) as found:

        def deploy(_: Endpoints, model_name: str, version: str) -> None:
            found.changes.append(f"deploy {model_name} {version}")

        monkeypatch.setattr(deployment, "deploy_version", deploy)
        yield found


def run(cluster: StubCluster, tmp_path: Path, *arguments: str) -> int:
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps({**OUTPUTS, "kubeconfig": str(cluster.kubeconfig)}))
    return command.main(["rollout", *arguments, "--endpoints", str(file)])


def decided(cluster: StubCluster, **status: Any) -> None:
    """Let the delivery controller decide at once."""
    cluster.on_create = lambda _, stored: stored.update(status=status)


def test_a_rollout_is_asked_for_before_its_pod_and_shown_until_it_ends(
    cluster: StubCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decided(cluster, phase="Promoted", weight=100, reason="version 3 gets every request, at once")
    chosen = ["--steps", "5:10,50:20", "--reason", "a better one", "--max-error-ratio", "0.02"]
    assert (
        run(cluster, tmp_path, "wine", "3", *chosen, "--deadline-seconds", "60", "--bake-seconds", "0") == 0
    )
    ((name, made),) = cluster.named("modelrollouts").items()
    assert cluster.changes == [f"POST modelrollouts/{name}", "deploy wine 3"]
    assert made["spec"] == {
        "modelName": "wine",
        "version": "3",
        "digest": "d1",
        "reason": "a better one",
        "steps": [{"weight": 5, "seconds": 10}, {"weight": 50, "seconds": 20}],
        "maxErrorRatio": 0.02,
        "deadlineSeconds": 60,
        "bakeSeconds": 0,
    }
    assert capsys.readouterr().out == (
        f"rollout {name}\n  Promoted, 100 % of requests: version 3 gets every request, at once\n"
    )


def test_what_nobody_chooses_is_left_to_the_stack(cluster: StubCluster, tmp_path: Path) -> None:
    assert run(cluster, tmp_path, "wine", "3", "--detach") == 0
    (made,) = cluster.named("modelrollouts").values()
    assert made["spec"] == {"modelName": "wine", "version": "3", "digest": "d1", "reason": "by hand"}


def test_a_rollout_that_waits_for_approval_ends_the_command(
    cluster: StubCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decided(cluster, phase="Paused", reason="version 3 waits for approval")
    assert run(cluster, tmp_path, "wine", "3") == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  Paused, 0 % of requests: version 3 waits for approval"
    ]


def test_a_rollout_that_is_rolled_back_fails_the_command_with_the_reason(
    cluster: StubCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decided(cluster, phase="RolledBack", reason="version 3 fails more often: 9 of 20 requests failed")
    assert run(cluster, tmp_path, "wine", "3") == 1
    (name,) = cluster.named("modelrollouts")
    assert capsys.readouterr().err == (
        f"error: rollout {name}: version 3 fails more often: 9 of 20 requests failed\n"
    )


def test_a_version_that_cannot_be_deployed_is_not_in_the_way_of_the_next_rollout(
    cluster: StubCluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuses(*_: object) -> None:
        raise WorkloadsError("model wine: needs torch, which no serving runtime has")

    monkeypatch.setattr(deployment, "deploy_version", refuses)
    assert run(cluster, tmp_path, "wine", "3") == 1
    (made,) = cluster.named("modelrollouts").values()
    assert made["spec"]["abort"] is True
    assert capsys.readouterr().err == "error: model wine: needs torch, which no serving runtime has\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["wine", "0"], "'0': is not the number of a version, nor one of status, abort, approve"),
        (["wine", "v3"], "'v3': is not the number of a version, nor one of status, abort, approve"),
        (["wine", "3", "--steps", "100:1"], "steps: '100:1' is no share and time: give WEIGHT:SECONDS with "),
        (["wine-v3", "3"], "name 'wine-v3': ends as versions of a model do; give another name"),
        (["wine", "3", "--share", "20"], "share: is of an experiment; give --experiment METRIC as well"),
        (["wine", "3", "--experiment", "accuracy"], "experiment: no minimumEffect; give --minimum-effect"),
        (
            ["wine", "3", "--experiment", "accuracy", "--minimum-effect", "1.5"],
            "experiment.minimumEffect: 1.5 is no difference of accuracies, from 0 to 1; give 0.02",
        ),
        (
            ["wine", "3", "--experiment", "squaredError", "--minimum-effect", "0"],
            "experiment.minimumEffect: 0 is not positive; give the difference that matters",
        ),
        (
            ["wine", "3", "--experiment", "accuracy", "--minimum-effect", "0.1", "--share", "100"],
            "experiment.share: 100 is no share; give the percent of the new version, 1 to 99",
        ),
        (["wine", "status"], "model wine: has no rollout"),
        (["wine", "abort"], "model wine: has no rollout"),
    ],
)
def test_what_cannot_be_rolled_out_is_refused_before_anything_changes(
    cluster: StubCluster,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    reason: str,
) -> None:
    assert run(cluster, tmp_path, *arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {reason}")
    assert error.count("\n") == 1
    assert cluster.changes == []


@pytest.fixture
def champion(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Aliases of the model, whose champion was right about nine of ten rows."""
    aliases = {"champion": "2"}
    client = SimpleNamespace(
        get_registered_model=lambda _: SimpleNamespace(aliases=aliases),
        get_model_version=lambda *_: SimpleNamespace(tags={"gate.run_id": "e"}, run_id="t"),
        get_run=lambda name: SimpleNamespace(
            data=SimpleNamespace(metrics={"accuracy": 0.9} if name == "e" else {})
        ),
    )
    monkeypatch.setattr(tracking, "connect", lambda _: client)
    return aliases


@pytest.mark.usefixtures("champion")
def test_an_experiment_says_how_large_it_is_before_anything_is_asked(
    cluster: StubCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--experiment", "accuracy", "--minimum-effect", "0.05", "--share", "20", "--detach"]
    assert run(cluster, tmp_path, "wine", "3", *asked) == 0
    ((name, made),) = cluster.named("modelrollouts").items()
    assert made["spec"]["experiment"] == {
        "metric": "accuracy",
        "minimumEffect": 0.05,
        "share": 20,
        "maxSeconds": 518_400,
        "onNoDifference": "keep",
    }
    size, rollout = capsys.readouterr().out.splitlines()
    assert size.startswith("experiment: about ")
    assert size.endswith(" for a difference of 0.05, at the accuracy of version 2's evaluation, 0.9")
    assert rollout == f"rollout {name}"


@pytest.mark.usefixtures("champion")
@pytest.mark.parametrize(("verdict", "code"), [("no difference", 0), ("none", 0), ("worse", 1)])
def test_an_experiment_that_finds_no_difference_is_no_failure_of_the_command(
    cluster: StubCluster, tmp_path: Path, verdict: str, code: int
) -> None:
    decided(cluster, phase="RolledBack", reason="version 3: so it is", experiment={"verdict": verdict})
    asked = ["--experiment", "accuracy", "--minimum-effect", "0.05"]
    assert run(cluster, tmp_path, "wine", "3", *asked) == code


def test_without_a_version_that_serves_no_experiment_is_asked_for(
    cluster: StubCluster, tmp_path: Path, champion: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    champion.clear()
    asked = ["--experiment", "accuracy", "--minimum-effect", "0.05"]
    assert run(cluster, tmp_path, "wine", "3", *asked) == 1
    assert capsys.readouterr().err == (
        "error: experiment: no version of wine serves to compare with; roll out without --experiment\n"
    )
    assert cluster.changes == []


COUNTS: dict[str, Any] = {"weight": 5, "canary": 90, "canaryFailed": 1, "stable": 1800, "stableFailed": 2}


def add(cluster: StubCluster, name: str, second: int, **status: Any) -> None:
    made = rollout_body(name, "models", model_name="wine", version="7", digest="d7", reason="by hand")
    made["metadata"]["creationTimestamp"] = f"2026-11-30T10:00:{second:02}Z"
    made["spec"]["requestedBy"] = "ada"
    cluster.add(f"{ROLLOUTS}/{name}", {**made, "status": status})


def test_the_status_is_that_of_the_newest_rollout_with_its_counts(
    cluster: StubCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(
        cluster,
        "wine-v7-new",
        2,
        phase="Progressing",
        weight=25,
        stableVersion="6",
        reason="so far",
        counts=[COUNTS],
        experiment={"needed": "about 900 rows", "says": "accuracy 0.9"},
    )
    add(cluster, "wine-v7-old", 1, phase="Promoted")
    assert run(cluster, tmp_path, "wine", "status") == 0
    assert capsys.readouterr().out == (
        "rollout    wine-v7-new\n"
        "model      wine version 7, by hand\n"
        "asked by   ada\n"
        "state      Progressing, 25 % of requests: so far\n"
        "  experiment needs: about 900 rows\n"
        "  experiment says: accuracy 0.9\n"
        "  at  5 %: 1 of 90 failed, 2 of 1800 of version 6\n"
    )
    assert cluster.changes == []


def test_the_newest_rollout_is_aborted(cluster: StubCluster, tmp_path: Path) -> None:
    add(cluster, "wine-v7-new", 2, phase="Progressing")
    add(cluster, "wine-v7-old", 1, phase="Promoted")
    assert run(cluster, tmp_path, "wine", "abort") == 0
    assert cluster.changes == ["PATCH modelrollouts/wine-v7-new"]
    assert cluster.named("modelrollouts")["wine-v7-new"]["spec"]["abort"] is True


def test_the_newest_rollout_is_approved_by_the_user_of_the_kubeconfig(
    cluster: StubCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = cluster.answer

    def with_review(verb: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if path.endswith("/selfsubjectreviews"):
            return 201, {"status": {"userInfo": {"username": "grace"}}}
        return answer(verb, path, query, body)

    monkeypatch.setattr(cluster, "answer", with_review)
    add(cluster, "wine-v7-new", 2, phase="Paused")
    assert run(cluster, tmp_path, "wine", "approve") == 0
    assert cluster.changes == ["PATCH modelrollouts/wine-v7-new"]
    assert cluster.named("modelrollouts")["wine-v7-new"]["spec"]["approval"] == {"by": "grace"}
