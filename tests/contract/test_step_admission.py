"""Steps share a namespace with servers: the policy of their pods names all that is the servers' in it."""

import pytest

from components.pipelines import step_admission
from infra.parts.pipelines import NAMESPACE
from tests.contract.test_stacks import STACKS
from tests.fixtures import platform
from workloads.contract import OBJECT_STORE_SECRET


def _names(stack: str, kind: str) -> set[str]:
    found = platform.stack(stack, preview=False).of_type(f"kubernetes:core/v1:{kind}")
    return {
        each.inputs["metadata"]["name"] for each in found if each.inputs["metadata"]["namespace"] == NAMESPACE
    }


@pytest.mark.parametrize("stack", STACKS)
def test_no_secret_or_volume_of_a_server_is_left_to_steps(
    stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    assert _names(stack, "Secret") - {OBJECT_STORE_SECRET} <= {*step_admission.SECRETS}
    assert _names(stack, "PersistentVolumeClaim") <= {*step_admission.CLAIMS}


def test_the_policy_names_nothing_that_no_stack_has() -> None:
    secrets = set[str]().union(*(_names(stack, "Secret") for stack in STACKS))
    claims = set[str]().union(*(_names(stack, "PersistentVolumeClaim") for stack in STACKS))
    assert {*step_admission.SECRETS} <= secrets
    assert {*step_admission.CLAIMS} <= claims
