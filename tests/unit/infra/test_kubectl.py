"""kubectl is told which cluster, whatever the environment says."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from infra import kubectl
from infra.kubectl import Kubectl


@pytest.mark.parametrize(("context", "more"), [(None, []), ("mine", ["--context=mine"])])
def test_the_cluster_is_that_of_the_stack(
    context: str | None, more: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []

    def run(argv: Sequence[str], *, timeout_seconds: float) -> str:
        calls.append([*argv, str(timeout_seconds)])
        return "output"

    monkeypatch.setattr(kubectl, "run", run)
    monkeypatch.setattr("cluster.programs.binaries.kubectl", lambda: Path("/kubectl"))
    assert Kubectl(kubeconfig=Path("/k"), context=context)("get", "pods", seconds=5) == "output"
    assert calls == [["/kubectl", "get", "pods", "--kubeconfig=/k", *more, "5"]]
