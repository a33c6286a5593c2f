"""What a diagnosis says of a pod."""

from types import SimpleNamespace
from typing import Any

import pytest

from harness.diagnostics import diagnosis, unwell


def container(**changes: Any) -> SimpleNamespace:
    state = SimpleNamespace(waiting=None, terminated=None)
    return SimpleNamespace(
        **{"name": "main", "state": state, "last_state": None, "restart_count": 0, **changes}
    )


def pod(phase: str, *containers: SimpleNamespace) -> SimpleNamespace:
    status = SimpleNamespace(phase=phase, init_container_statuses=None, container_statuses=list(containers))
    return SimpleNamespace(status=status)


def test_a_pod_that_is_well_has_no_fault() -> None:
    assert unwell(pod("Running", container())) == ""
    assert unwell(pod("Succeeded", container(restart_count=1))) == ""


def test_a_pod_that_waits_or_crashed_says_why() -> None:
    waiting = SimpleNamespace(waiting=SimpleNamespace(reason="ImagePullBackOff"), terminated=None)
    ended = SimpleNamespace(terminated=SimpleNamespace(exit_code=137, reason="OOMKilled"))
    assert unwell(pod("Pending", container(state=waiting))) == "Pending; main waits: ImagePullBackOff"
    crashed = container(last_state=ended, restart_count=2)
    assert unwell(pod("Running", crashed)) == "main ended with 137: OOMKilled; main restarted 2 times"


def test_a_cluster_that_does_not_answer_is_part_of_the_diagnosis(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.diagnostics.config.new_client_from_config", lambda _: None)
    monkeypatch.setattr("harness.diagnostics._pods", lambda *_: (_ for _ in ()).throw(OSError("gone")))
    assert diagnosis(str(tmp_path), ("kubeflow",)) == "== kubeflow: cannot be read: OSError: gone"
