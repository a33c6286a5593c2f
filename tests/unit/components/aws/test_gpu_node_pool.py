import base64
import dataclasses
import email

import pytest

from components.aws import gpu_partitioning
from components.aws.gpu_node_pool import GpuNodePool, GpuNodePoolArgs, known_types, user_data
from components.gpus.gpu_pools import Mig, TimeSlicing
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules
from tests.unit.components.aws import policies

TAGS = {"plinth:stack": "here"}
ARGS = GpuNodePoolArgs(
    pool="training",
    cluster_name="here",
    node_role_arn="arn:aws:iam::123456789012:role/nodes",
    subnet_ids=["subnet-1"],
    kubernetes_version="1.36",
    security_group_id="sg-nodes",
    instance_types=("p4d.24xlarge",),
    max_nodes=2,
    tags=TAGS,
)


def deployed(args: GpuNodePoolArgs = ARGS, *, preview: bool = False) -> Deployment[GpuNodePool]:
    return deploy(lambda: GpuNodePool("gpu-training", args), preview=preview)


def autoscaler(deployment: Deployment[GpuNodePool]) -> dict[str, str]:
    """Return what an autoscaler is told of the pool's nodes, by the last parts of the key."""
    tags = [each.inputs["tag"] for each in deployment.of_type("aws:autoscaling/tag:Tag")]
    return {each["key"].partition("node-template/")[2]: each["value"] for each in tags}


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_tagged_and_below_the_component(preview: bool) -> None:
    deployment = deployed(dataclasses.replace(ARGS, placement_group=True), preview=preview)
    rules.assert_children_of_one_component(deployment, "GpuNodePool")
    policies.assert_tagged(deployment, TAGS)


def test_a_pool_costs_nothing_until_a_pod_asks() -> None:
    group = deployed().one("aws:eks/nodeGroup:NodeGroup").inputs
    assert group["scalingConfig"] == {"minSize": 0, "maxSize": 2, "desiredSize": 0}
    assert autoscaler(deployed())["resources/nvidia.com/gpu"] == "8"
    assert autoscaler(deployed())["label/plinth.dev/gpu-pool"] == "training"


def test_only_pods_that_tolerate_gpus_land_on_the_pool() -> None:
    group = deployed().one("aws:eks/nodeGroup:NodeGroup").inputs
    assert group["taints"] == [{"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}]
    assert autoscaler(deployed())["taint/nvidia.com/gpu"] == "present:NoSchedule"


def test_nodes_have_the_driver_and_the_labels_of_the_pool() -> None:
    group = deployed().one("aws:eks/nodeGroup:NodeGroup").inputs
    assert group["amiType"] == "AL2023_x86_64_NVIDIA"
    assert group["labels"] == {
        "plinth.dev/gpu-pool": "training",
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.product": "NVIDIA-A100-40GB",
        "k8s.amazonaws.com/accelerator": "nvidia-a100-40gb",
    }
    assert group["updateConfig"]["updateStrategy"] == "MINIMAL"


def test_sharing_is_named_to_the_device_plugin_and_counted_by_the_autoscaler() -> None:
    sliced = deployed(dataclasses.replace(ARGS, sharing=TimeSlicing(replicas=4)))
    labels = sliced.one("aws:eks/nodeGroup:NodeGroup").inputs["labels"]
    assert labels["nvidia.com/device-plugin.config"] == "training"
    assert autoscaler(sliced)["resources/nvidia.com/gpu"] == "32"
    cut = deployed(dataclasses.replace(ARGS, sharing=Mig(profile="3g.20gb")))
    assert autoscaler(cut)["resources/nvidia.com/gpu"] == "16"


def test_a_node_makes_one_disk_of_its_local_ones_and_cuts_its_gpus_before_it_joins() -> None:
    template = deployed(dataclasses.replace(ARGS, sharing=Mig(profile="3g.20gb"))).one("LaunchTemplate")
    message = email.message_from_bytes(base64.b64decode(template.inputs["userData"]))
    parts = {part.get_content_type(): part.get_payload() for part in message.walk()}
    assert "strategy: RAID0" in str(parts["application/node.eks.aws"])
    assert str(parts["text/x-shellscript"]).strip() == gpu_partitioning.user_data("3g.20gb", 2).strip()
    (kind,) = known_types(("p4d.24xlarge",))
    assert "shellscript" not in user_data(kind, None)
    assert "RAID0" not in user_data(kind, None, local_disks=False)


def test_adapters_and_placement_are_there_when_asked_for() -> None:
    close = deployed(dataclasses.replace(ARGS, efa=True, placement_group=True))
    template = close.one("LaunchTemplate").inputs
    assert len(template["networkInterfaces"]) == 4
    assert template["placement"] == {"groupName": "gpu-training-placement-1a2b3c4"}
    assert close.one("PlacementGroup").inputs["strategy"] == "cluster"
    assert autoscaler(close)["resources/vpc.amazonaws.com/efa"] == "4"
    plain = deployed().one("LaunchTemplate").inputs
    assert not {"networkInterfaces", "placement"} & plain.keys()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"instance_types": ()}, "instance_types: none given"),
        ({"instance_types": ("p4d.xlarge",)}, "'p4d.xlarge', which is no instance type known"),
        ({"instance_types": ("m7i.large",)}, "m7i.large has no GPU"),
        ({"instance_types": ("g5.xlarge", "g6.xlarge")}, "g5.xlarge, g6.xlarge differ in GPUs"),
        ({"instance_types": ("g6.xlarge",), "efa": True}, "efa: g6.xlarge has none"),
        ({"instance_types": ("g6.xlarge",), "sharing": Mig(profile="1g.5gb")}, "NVIDIA-L4-24GB has no MIG"),
        ({"sharing": Mig(profile="1g.10gb")}, "sharing: 1g.10gb; NVIDIA-A100-40GB has 1g.5gb"),
    ],
)
def test_values_that_cannot_work_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(ARGS, **change)  # pyright: ignore[reportArgumentType]
