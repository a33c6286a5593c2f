import pytest

from components.aws.block_storage import BlockStorage, BlockStorageArgs
from tests.fixtures.recorder import deploy
from tests.unit.components import rules


@pytest.mark.parametrize("preview", [False, True])
def test_volumes_are_encrypted_and_made_where_their_pod_runs(preview: bool) -> None:
    deployment = deploy(lambda: BlockStorage("volumes", BlockStorageArgs()), preview=preview)
    rules.assert_children_of_one_component(deployment, "BlockStorage")
    rules.assert_labelled(deployment)
    made = deployment.one("StorageClass").inputs
    assert made["provisioner"] == "ebs.csi.aws.com"
    assert made["parameters"] == {"type": "gp3", "encrypted": "true"}
    assert made["volumeBindingMode"] == "WaitForFirstConsumer"
    assert made["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}


@pytest.mark.parametrize("policy", ["Delete", "Retain"])
def test_a_volume_outlives_its_claim_only_where_it_should(policy: str) -> None:
    args = BlockStorageArgs(reclaim_policy=policy)  # pyright: ignore[reportArgumentType]
    made = deploy(lambda: BlockStorage("volumes", args)).one("StorageClass")
    assert made.inputs["reclaimPolicy"] == policy
    assert BlockStorageArgs().reclaim_policy == "Retain"
