"""Every stack file holds choices that work, and nothing else."""

import pytest
import yaml

from infra.parts import SECRET_KEYS
from infra.settings import stack_file
from infra.settings.stack import PROJECT, Environment
from tests.contract import repository
from tests.fixtures import platform

STACKS = sorted(
    file.name.split(".")[1]
    for file in repository.files()
    if file.parts[0] == "stacks" and file.name.startswith("Pulumi.")
)

ON_AWS = [stack for stack in STACKS if stack_file.settings(stack).cluster.kind == "eks"]
STATEFUL = {
    "aws:ecr/repository:Repository",
    "aws:eks/cluster:Cluster",
    "aws:kms/key:Key",
    "aws:rds/instance:Instance",
    "aws:s3/bucket:Bucket",
}


def test_there_is_a_stack_for_this_machine() -> None:
    assert "local" in STACKS


def test_there_are_stacks_on_aws_from_the_cheapest_to_the_safest() -> None:
    assert ON_AWS == ["dev", "prod", "staging"]


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("stack", STACKS)
def test_the_whole_program_accepts_the_stack(
    stack: str, preview: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    deployment = platform.stack(stack, preview=preview)
    urns = [each.urn for each in deployment.registrations]
    assert len(urns) > 50
    assert len(urns) == len(set(urns)), "two resources share a name"
    closed = {each.inputs["metadata"]["namespace"] for each in deployment.of_type("NetworkPolicy")}
    opened = {each.inputs["metadata"]["name"] for each in deployment.of_type("Namespace")} - closed
    assert not opened, f"namespaces without a policy: {opened}"


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("stack", ON_AWS)
def test_every_gpu_pool_of_a_stack_is_made_and_closed_to_other_pods(stack: str, preview: bool) -> None:
    deployment = platform.stack(stack, preview=preview)
    groups = {
        each.inputs["labels"]["plinth.dev/gpu-pool"]: each.inputs["taints"]
        for each in deployment.of_type("aws:eks/nodeGroup:NodeGroup")
        if "plinth.dev/gpu-pool" in each.inputs["labels"]
    }
    pools = deployment.of_type("kubernetes:karpenter.sh/v1:NodePool")
    groups |= {
        each.inputs["metadata"]["name"]: each.inputs["spec"]["template"]["spec"]["taints"] for each in pools
    }
    assert groups.keys() == {pool.name for pool in stack_file.settings(stack).gpu_pools}
    for name, taints in groups.items():
        assert [each["key"] for each in taints] == ["nvidia.com/gpu"], name


def test_production_protects_and_retains_what_holds_data() -> None:
    assert stack_file.settings("prod").environment is Environment.PRODUCTION
    deployment = platform.stack("prod", preview=True)
    stateful = [each for each in deployment.registrations if each.type in STATEFUL]
    assert {each.type for each in stateful} == STATEFUL
    by_urn = {each.urn: each for each in deployment.registrations}
    for each in stateful:
        assert each.protect, each.name
        ancestors = [each]
        while ancestors[-1].parent in by_urn:
            ancestors.append(by_urn[ancestors[-1].parent])
        # The engine hands it down: only what stands at the top is told.
        assert ancestors[-1].retain_on_delete, each.name


@pytest.mark.parametrize("stack", ON_AWS)
def test_nothing_on_aws_holds_a_static_key(stack: str) -> None:
    deployment = platform.stack(stack)
    assert not [each.name for each in deployment.registrations if each.type.startswith("aws:iam/accessKey")]
    pods = deployment.pods()
    assert {"mlflow-server", "pipelines-api-server"} <= pods.keys()
    for name, pod in pods.items():
        assert "AWS_SECRET_ACCESS_KEY" not in str(pod), name
    for each in deployment.of_type("Secret"):
        assert "AWS_SECRET_ACCESS_KEY" not in each.inputs.get("stringData", {}), each.name


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_file_holds_no_secret_and_no_state(stack: str) -> None:
    content = yaml.safe_load((repository.ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text())
    assert content.keys() == {"config"}
    secret = {f"{PROJECT}:{key}" for key in SECRET_KEYS}
    assert not secret & content["config"].keys()
    assert all(key.startswith(f"{PROJECT}:") for key in content["config"])
