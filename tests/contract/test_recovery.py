"""What an interrupted or failed `up` leaves, the next one heals."""

from collections.abc import Sequence

import pytest

from tests.contract.test_stacks import STACKS
from tests.fixtures import platform
from tests.fixtures.recorder import Registration


def never_replaced(jobs: Sequence[Registration]) -> list[str]:
    """Return one clause for each Job whose failure would fail every later `up`."""
    # The Kubernetes provider reads it; without it, it waits for a failed Job again and again.
    replaced = {"pulumi.com/replaceUnready": "true"}
    return [
        f"{job.name} is awaited again after it failed"
        for job in jobs
        if not replaced.items() <= job.inputs["metadata"].get("annotations", {}).items()
    ]


@pytest.mark.parametrize("stack", STACKS)
def test_a_job_that_failed_is_replaced_by_the_next_up(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    jobs = platform.stack(stack, preview=False).of_type("kubernetes:batch/v1:Job")
    assert jobs
    assert never_replaced(jobs) == []
