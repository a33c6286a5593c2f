"""What an interrupted or failed `up` leaves, the next one heals."""

import pytest

from tests.contract.test_stacks import STACKS
from tests.fixtures import platform


@pytest.mark.parametrize("stack", STACKS)
def test_a_job_that_failed_is_replaced_by_the_next_up(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    jobs = platform.stack(stack, preview=False).of_type("kubernetes:batch/v1:Job")
    assert jobs
    for job in jobs:
        # The Kubernetes provider reads it; without it, it waits for a failed Job again and again.
        assert job.inputs["metadata"]["annotations"]["pulumi.com/replaceUnready"] == "true", job.name
