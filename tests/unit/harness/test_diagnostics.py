"""Diagnosis of pods."""

from types import SimpleNamespace
from typing import Any

import pytest

from harness.diagnostics import diagnose, find_faults


def container(**changes: Any) -> SimpleNamespace:
    state = SimpleNamespace(waiting=None, terminated=None)
    return SimpleNamespace(
        **{"name": "main", "state": state, "last_state": None, "restart_count": 0, **changes}
    )


def pod(phase: str, *containers: SimpleNamespace) -> SimpleNamespace:
    status = SimpleNamespace(phase=phase, init_container_statuses=None, container_statuses=list(containers))
    return SimpleNamespace(status=status)


def test_a_healthy_pod_has_no_fault() -> None:
    assert find_faults(pod("Running", container())) == ""
    assert find_faults(pod("Succeeded", container(restart_count=1))) == ""


def test_a_waiting_or_crashed_pod_has_a_reason() -> None:
    waiting = SimpleNamespace(waiting=SimpleNamespace(reason="ImagePullBackOff"), terminated=None)
    ended = SimpleNamespace(terminated=SimpleNamespace(exit_code=137, reason="OOMKilled"))
    assert find_faults(pod("Pending", container(state=waiting))) == "Pending; main waits: ImagePullBackOff"
    crashed = container(last_state=ended, restart_count=2)
    assert find_faults(pod("Running", crashed)) == "main ended with 137: OOMKilled; main restarted 2 times"


def test_a_cluster_that_does_not_answer_is_part_of_the_diagnosis(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.diagnostics.cluster_client.connect", lambda _: None)
    monkeypatch.setattr("harness.diagnostics._pods", lambda *_: (_ for _ in ()).throw(OSError("gone")))
    assert diagnose(str(tmp_path), ("kubeflow",)) == "== kubeflow: cannot be read: OSError: gone"
