"""Every stack file holds choices that work, and nothing else."""

from dataclasses import fields

import pulumi
import pytest
import yaml

from infra import assembly, settings, stack_file, target
from tests.contract import repository
from tests.harness.recorder import deploy

STACKS = sorted(
    file.name.split(".")[1]
    for file in repository.files()
    if file.parts[0] == "stacks" and file.name.startswith("Pulumi.")
)


def test_there_is_a_stack_for_this_machine() -> None:
    assert "local" in STACKS


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("stack", STACKS)
def test_the_whole_program_accepts_the_stack(
    stack: str, preview: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    chosen = stack_file.settings(stack)

    def program() -> None:
        values = {field.name: pulumi.Output.secret("value") for field in fields(settings.Secrets)}
        assembly.deploy(chosen, settings.Secrets(**values), target.connect(chosen))

    deployment = deploy(program, preview=preview, stack_name=stack)
    urns = [each.urn for each in deployment.registrations]
    assert len(urns) > 50
    assert len(urns) == len(set(urns)), "two resources share a name"
    closed = {each.inputs["metadata"]["namespace"] for each in deployment.of_type("NetworkPolicy")}
    opened = {each.inputs["metadata"]["name"] for each in deployment.of_type("Namespace")} - closed
    assert not opened, f"namespaces without a policy: {opened}"


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_file_holds_no_secret_and_no_state(stack: str) -> None:
    content = yaml.safe_load((repository.ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text())
    assert content.keys() == {"config"}
    secret = {f"{settings.PROJECT}:{key}" for key in settings.secret_keys()}
    assert not secret & content["config"].keys()
    assert all(key.startswith(f"{settings.PROJECT}:") for key in content["config"])
