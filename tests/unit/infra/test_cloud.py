"""What stands around a cluster on AWS: settings become components, and nothing is left to defaults of AWS."""

from typing import Any

import pytest

from infra import cloud
from infra.errors import SettingsError
from infra.settings.stack import GatewaySettings
from tests.fixtures import platform
from tests.fixtures.recorder import Deployment
from tests.unit.components import rules


def deployed(stack: str) -> Deployment[Any]:
    return platform.stack(stack)


@pytest.fixture(scope="module")
def prod() -> Deployment[Any]:
    return deployed("prod")


@pytest.fixture(scope="module")
def dev() -> Deployment[Any]:
    return deployed("dev")


def test_only_the_named_account_and_region_can_be_changed(prod: Deployment[Any]) -> None:
    inputs = prod.one("pulumi:providers:aws").inputs
    assert inputs["region"] == "us-east-1"
    assert "111122223333" in str(inputs["allowedAccountIds"])
    assert "plinth:environment" in str(inputs["defaultTags"])


def test_everything_of_aws_uses_the_one_provider(prod: Deployment[Any]) -> None:
    provider = prod.one("pulumi:providers:aws").urn
    found = [each for each in prod.registrations if each.type.startswith("aws:")]
    assert len(found) > 100
    assert [each.name for each in found if not each.provider.startswith(provider)] == []


def test_every_pool_is_made_by_whoever_provisions_it(prod: Deployment[Any]) -> None:
    assert {each.name for each in prod.of_type("plinth:index:GpuNodePool")} == {
        "gpu-inference",
        "gpu-training",
        "gpu-shared",
    }
    assert [each.name for each in prod.of_type("plinth:index:KarpenterNodePool")] == ["gpu-batch"]


def test_a_pool_of_one_zone_lies_in_its_subnet_alone(prod: Deployment[Any]) -> None:
    group = prod.one("aws:eks/nodeGroup:NodeGroup", "gpu-training-group-nodes").inputs
    assert group["subnetIds"] == ["network-private-us-east-1b-id"]
    everywhere = prod.one("aws:eks/nodeGroup:NodeGroup", "gpu-inference-group-nodes").inputs
    assert len(everywhere["subnetIds"]) == 3


def test_production_keeps_its_data_twice_and_long(prod: Deployment[Any]) -> None:
    servers = prod.of_type("aws:rds/instance:Instance")
    assert len(servers) == 2
    for each in servers:
        assert each.inputs["multiAz"] is True, each.name
        assert each.inputs["deletionProtection"] is True, each.name
        assert each.inputs["backupRetentionPeriod"] == 14, each.name
        assert each.protect, each.name
    # The engine hands it on to everything below.
    for component in ("postgres", "mysql", "eks", "images"):
        (found,) = [each for each in prod.registrations if each.name == component]
        assert found.retain_on_delete, component


def test_stores_have_keys_of_their_own(prod: Deployment[Any]) -> None:
    keys = {each.inputs["kmsKeyId"] for each in prod.of_type("aws:rds/instance:Instance")}
    assert len(keys) == 2
    assert all(each.protect for each in prod.of_type("aws:kms/key:Key"))


def test_a_development_stack_can_be_deleted_whole(dev: Deployment[Any]) -> None:
    assert not [each.name for each in dev.registrations if each.protect]
    kept = {each.type for each in dev.registrations if each.retain_on_delete}
    # A runtime outlives the stack's interest in it as long as a model refers to it; it costs nothing.
    assert kept <= {"kubernetes:serving.kserve.io/v1alpha1:ClusterServingRuntime"}
    for each in dev.of_type("aws:rds/instance:Instance"):
        assert each.inputs["deletionProtection"] is False
    assert dev.one("aws:eks/cluster:Cluster").inputs["deletionProtection"] is False
    assert dev.one("StorageClass").inputs["reclaimPolicy"] == "Delete"
    assert all(each.inputs["forceDelete"] for each in dev.of_type("aws:ecr/repository:Repository"))


def test_passwords_of_databases_are_secret_inputs(dev: Deployment[Any]) -> None:
    keys = ("trackingDatabasePassword", "databaseAdministratorPassword")
    servers = [each for each in dev.registrations if each.type == "aws:rds/instance:Instance"]
    assert len(servers) == len(keys)
    for each in servers:
        assert any(f"{key}-value" in str(each.inputs) for key in keys), each.name
        assert "password" in each.secret_inputs, each.name


def test_databases_are_reached_from_nodes_alone(dev: Deployment[Any]) -> None:
    incoming = [
        each for each in dev.of_type("SecurityGroupIngressRule") if "referencedSecurityGroupId" in each.inputs
    ]
    assert len(incoming) == 2
    assert {each.inputs["referencedSecurityGroupId"] for each in incoming} == {"eks-control-plane-sg"}


def test_objects_of_karpenter_wait_for_the_cluster(prod: Deployment[Any]) -> None:
    provider = prod.one("pulumi:providers:kubernetes")
    assert "eks-system-nodes" in rules.before(prod, provider)
    for each in prod.of_type("kubernetes:karpenter.sh/v1:NodePool"):
        assert each.provider.startswith(provider.urn)
    made = prod.one("kubernetes:karpenter.k8s.aws/v1:EC2NodeClass")
    assert "karpenter-server" in rules.before(prod, made)


def test_karpenter_is_there_only_where_a_pool_asks_for_it(
    dev: Deployment[Any], prod: Deployment[Any]
) -> None:
    assert len(prod.of_type("plinth:index:Karpenter")) == 1
    assert not dev.of_type("plinth:index:Karpenter")
    assert len(dev.of_type("plinth:index:ClusterAutoscaler")) == 1


def test_strangers_reach_the_gateway_only_where_settings_let_them_in() -> None:
    prefix = "service.beta.kubernetes.io/aws-load-balancer"
    inside = cloud.load_balancer(GatewaySettings())
    assert inside.annotations[f"{prefix}-internal"] == "true"
    assert not inside.tls
    certificate = "arn:aws:acm:us-east-1:111122223333:certificate/1"
    outside = cloud.load_balancer(
        GatewaySettings.model_validate(
            {"public": True, "sourceCidrs": ["203.0.113.0/24"], "certificateArn": certificate}
        )
    )
    assert outside.annotations[f"{prefix}-internal"] == "false"
    assert outside.annotations[f"{prefix}-ssl-cert"] == certificate
    assert outside.source_cidrs == ("203.0.113.0/24",)
    assert outside.tls


def test_prometheus_writes_to_its_workspace_and_to_no_other() -> None:
    url = "https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-1a2b/api/v1/remote_write"
    assert cloud.workspace_arn(url, "111122223333") == "arn:aws:aps:us-east-1:111122223333:workspace/ws-1a2b"
    with pytest.raises(
        SettingsError, match=r"plinth:monitoring\.remoteWrite\.url is https://metrics\.example"
    ):
        cloud.workspace_arn("https://metrics.example/write", "111122223333")
