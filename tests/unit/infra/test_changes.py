"""Commands that change a stack: what was changed by hand is said and put back, and `down` always ends."""

import contextlib
import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.errors import ClusterError
from cluster.instance import Endpoints, Instance
from cluster.programs import registry
from infra import changes, commands, drift, restarts, teardown
from infra.changes import run_engine
from infra.engine.engine import Engine
from infra.errors import InfraError, StackInUseError
from infra.installation import Installation
from infra.kubectl import Kubectl
from infra.parts import SECRETS
from infra.settings import stack_file


class Calls:
    """What the command asked of the engine, and what the engine answers."""

    def __init__(self) -> None:
        self.runs: list[tuple[Any, ...]] = []
        self.forgotten = 0
        self.prepared = 0
        self.resources: list[dict[str, Any]] = []
        self.readers: list[restarts.Workload] = []
        self.code = 0
        self.prepare_error: Exception | None = None

    def run(self, _: Engine, *words: str, seconds: float | None = None) -> int:
        self.runs.append((*words, seconds))
        return self.code

    def prepare(self) -> None:
        self.prepared += 1
        if self.prepare_error:
            raise self.prepare_error

    def forget(self) -> None:
        self.forgotten += 1


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """An installed stack `x` on the running instance `mine`, whose engine only records."""
    monkeypatch.setattr(stack_file, "STACKS", tmp_path)
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path / "cache"))
    content = {"config": {"plinth:cluster": {"kind": "kubeconfig", "name": "local"}}}
    (tmp_path / "Pulumi.x.yaml").write_text(yaml.safe_dump(content))
    endpoints = Endpoints(kubeconfig="/k", api="", gateway="", registry="", node_ip="")
    Instance("mine").endpoints_file.parent.mkdir(parents=True)
    Instance("mine").endpoints_file.write_text(endpoints.text())
    made = Calls()
    monkeypatch.setattr(restarts, "readers", lambda *_: made.readers)
    monkeypatch.setattr(Kubectl, "__call__", lambda _, *words, **__: made.runs.append(words))
    monkeypatch.setattr(changes, "run_engine", made.run)
    monkeypatch.setattr(Engine, "prepare", lambda _: made.prepare())
    monkeypatch.setattr(Engine, "exists", lambda _: True)
    monkeypatch.setattr(Engine, "resources", lambda _: made.resources)
    monkeypatch.setattr(Engine, "forget_secrets", lambda _: made.forget())
    monkeypatch.setattr(Installation, "connect", lambda each: each.engine)
    monkeypatch.setattr(drift, "find", lambda *_: [])
    monkeypatch.setattr(registry, "has", lambda _: True)
    return made


def command(*words: str) -> int:
    return commands.main([*words, "--stack", "x", "--name", "mine"])


def test_an_untouched_stack_is_not_refreshed_and_forgets_secrets_of_earlier_releases(calls: Calls) -> None:
    assert command("up") == 0
    assert calls.runs == [("up", None)]
    assert calls.forgotten == 1
    assert command("preview", "--expect-no-changes") == 0
    assert calls.runs[1:] == [("preview", "--expect-no-changes", None)]
    assert calls.forgotten == 1


def test_images_that_are_not_published_are_named_before_anything_changes(
    calls: Calls, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "has", lambda reference: "mlflow-server" not in reference)
    assert command("up") == 1
    assert calls.runs == []
    said = capsys.readouterr().err
    assert "the image registry lacks plinth/mlflow-server:" in said
    assert "run `python -m images publish mlflow-server=plinth/mlflow-server:" in said
    assert command("preview") == 0


def test_a_team_that_holds_data_does_not_leave_a_protected_stack(
    calls: Calls, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = {"plinth:cluster": {"kind": "kubeconfig", "name": "local"}, "plinth:protect": True}
    (tmp_path / "Pulumi.x.yaml").write_text(yaml.safe_dump({"config": content}))
    calls.resources = [{"type": "plinth:index:TeamProfile", "inputs": {"team": "research"}}]
    for word in ("up", "preview"):
        assert command(word) == 1
        assert "research holds namespace research" in capsys.readouterr().err
    assert calls.runs == []


def test_after_a_failed_update_the_secrets_stay(calls: Calls) -> None:
    calls.code = 1
    assert command("up") == 1
    assert calls.forgotten == 0


def test_what_was_changed_by_hand_is_said_and_the_state_refreshed(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        drift, "find", lambda *_: [f"Service a/s{number} was deleted" for number in range(12)]
    )
    assert command("up") == 0
    assert calls.runs == [("up", "--refresh", None)]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  since the last update: Service a/s0 was deleted"
    assert len(lines) == 11
    assert lines[-1] == "  and 2 more"


def test_objects_that_cannot_be_listed_are_read_by_the_engine(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(*_: object) -> list[str]:
        raise ClusterError('the server has no resource type "gateways"')

    monkeypatch.setattr(drift, "find", gone)
    assert command("up") == 0
    assert calls.runs == [("up", "--refresh", None)]
    assert "could not be listed (the server has no resource type" in capsys.readouterr().out


@pytest.fixture
def released(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replaces the help of a deletion; what is put into the list is what it released."""
    names: list[str] = []

    @contextlib.contextmanager
    def helped(*_: object) -> Generator[list[str]]:
        yield names

    monkeypatch.setattr(teardown, "helped", helped)
    monkeypatch.setattr(teardown, "open_way", lambda *_: calls.runs.append(("open way",)))
    return names


def test_a_deletion_opens_the_way_first_and_says_what_it_released(
    calls: Calls, released: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    released.append("InferenceService models/wine")
    assert command("destroy") == 0
    assert calls.runs == [("open way",), ("destroy", None)]
    assert "InferenceService models/wine: its controller did not answer" in capsys.readouterr().out


def test_protected_data_is_not_prepared_for_deletion(
    calls: Calls, released: list[str], tmp_path: Path
) -> None:
    content = {"config": {"plinth:cluster": {"kind": "kubeconfig", "name": "local"}, "plinth:protect": True}}
    (tmp_path / "Pulumi.x.yaml").write_text(yaml.safe_dump(content))
    assert command("destroy") == 0
    assert calls.runs == [("destroy", None)]


def test_a_deletion_before_the_clusters_removal_is_bounded_and_leaves_the_rest_to_it(
    calls: Calls, released: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    calls.code = 1
    assert command("destroy", "--with-cluster") == 0
    ((*_, seconds),) = [each for each in calls.runs if each[0] == "destroy"]
    assert 60 <= seconds <= 120
    assert capsys.readouterr().out.endswith("what is left goes with cluster 'mine'\n")
    assert command("destroy") == 1


def test_a_deletion_that_was_stopped_says_in_one_line_what_it_leaves(
    calls: Calls, released: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = ["core/v1:Namespace", "core/v1:Secret", "core/v1:Secret"]
    calls.resources = [{"type": f"kubernetes:{kind}"} for kind in kinds] + [{"type": "plinth:index:Gateway"}]
    calls.code = changes.STOPPED
    assert command("destroy", "--with-cluster") == 0
    said = "destroy x: stopped after 90 s: what is left (3 objects: 2 Secret, 1 Namespace, ...) goes with"
    assert capsys.readouterr().out == f"{said} cluster 'mine'\n"


@pytest.mark.parametrize(("seconds", "code"), [(0.0, changes.STOPPED), (600.0, 1)])
def test_the_errors_of_a_run_that_was_stopped_are_not_shown(
    seconds: float,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*_: object, on_event: Callable[[dict[str, Any]], None], **__: object) -> int:
        on_event({"resOpFailedEvent": {"metadata": {"urn": "a::server", "op": "delete"}}})
        on_event({"diagnosticEvent": {"severity": "error", "message": "context canceled"}})
        return 255

    monkeypatch.setattr(Engine, "run", run)
    assert run_engine(Engine(stack="x", folder=tmp_path), "destroy", seconds=seconds) == code
    said = "".join(capsys.readouterr())
    assert ("server: delete failed" in said) == ("context canceled" in said) == bool(said) == (code == 1)


def test_a_state_that_cannot_be_read_does_not_keep_the_cluster(
    calls: Calls, released: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    calls.prepare_error = InfraError("the passphrase of stack x is missing")
    assert command("destroy", "--with-cluster") == 0
    assert "the passphrase of stack x is missing" in capsys.readouterr().out
    assert command("destroy") == 1


def test_a_stack_that_another_run_works_on_is_left_alone(calls: Calls, released: list[str]) -> None:
    calls.prepare_error = StackInUseError("stack x is in use by another run")
    assert command("destroy", "--with-cluster") == 1


def test_a_rotation_replaces_one_secret_and_ignores_values_of_earlier_releases(calls: Calls) -> None:
    name = SECRETS[0].name
    urn = changes.secret_urn("x", name)
    calls.resources = [{"urn": urn}]
    assert command("rotate", name) == 0
    assert calls.runs == [("up", "--replace", urn, None)]
    assert calls.forgotten == 1
    # Again, so that a value which the user chose in `stacks/` is back.
    assert calls.prepared == 2


def test_after_a_rotation_what_reads_the_secret_is_restarted_one_after_the_other(
    calls: Calls, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    urn = changes.secret_urn("x", SECRETS[0].name)
    calls.resources = [{"urn": urn}]
    calls.readers = [restarts.Workload(kind="Deployment", namespace="mlflow", name="mlflow")]
    monkeypatch.setattr(restarts, "changed_secrets", lambda _: frozenset({"urn"}))
    assert command("rotate", SECRETS[0].name) == 0
    assert calls.runs == [("up", "--replace", urn, None), *calls.readers[0].commands()]
    assert "restarting deployment/mlflow in mlflow" in capsys.readouterr().out
    calls.code, calls.runs = 1, []
    assert command("rotate", SECRETS[0].name) == 1
    assert calls.runs == [("up", "--replace", urn, None)]


def test_after_an_update_what_reads_a_changed_secret_is_restarted(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls.readers = [restarts.Workload(kind="Deployment", namespace="kserve", name="kserve")]
    assert command("up") == 0
    assert calls.runs == [("up", None)]
    monkeypatch.setattr(restarts, "changed_secrets", lambda _: frozenset({"urn"}))
    calls.runs = []
    assert command("up") == 0
    assert calls.runs == [("up", None), *calls.readers[0].commands()]


def test_a_secret_that_the_state_does_not_keep_yet_is_not_rotated(
    calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("rotate", SECRETS[0].name) == 1
    assert "run `python -m infra up --stack x` first" in capsys.readouterr().err
    assert calls.forgotten == 0


def test_an_unknown_secret_lists_those_that_exist(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("rotate", "password") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: secret password: there is none; there are: ")
    assert all(secret.name in line for secret in SECRETS)
    assert calls.runs == []


def test_a_cluster_has_one_stack(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    states = Instance("mine").folder / "pulumi/state/.pulumi/stacks/plinth"
    states.mkdir(parents=True)
    latest: dict[str, object] = {"resources": [{"urn": "urn:pulumi:other::plinth::a::b"}]}
    (states / "other.json").write_text(json.dumps({"version": 3, "checkpoint": {"latest": latest}}))
    assert command("up") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: stack x: cluster 'mine' has stack other already: run `python -m infra ")
    assert calls.runs == []
    # What was destroyed leaves an empty state.
    (states / "other.json").write_text(json.dumps({"version": 3, "checkpoint": {"latest": {}}}))
    assert command("up") == 0
