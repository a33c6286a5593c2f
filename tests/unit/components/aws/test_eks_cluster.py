import dataclasses
import json

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
import yaml

from components.aws.eks_cluster import EksCluster, EksClusterArgs, kubeconfig
from components.gpus.gpu_pools import TAINT
from components.versions import EKS_ADDONS, eks_addons
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules
from tests.unit.components.aws import policies

TAGS = {"plinth:stack": "here"}
ADMINISTRATOR = "arn:aws:iam::123456789012:role/platform"
ARGS = EksClusterArgs(
    cluster_name="here",
    account="123456789012",
    region="eu-central-1",
    kubernetes_version="1.36",
    addons=eks_addons("1.36"),
    subnet_ids=["subnet-1", "subnet-2"],
    administrators=(ADMINISTRATOR,),
    log_key_arn="arn:aws:kms:eu-central-1:123456789012:key/logs",
    tags=TAGS,
)
CONTROL_PLANE = "aws:eks/cluster:Cluster"


def deployed(
    args: EksClusterArgs = ARGS, *, preview: bool = False, opts: pulumi.ResourceOptions | None = None
) -> Deployment[EksCluster]:
    return deploy(lambda: EksCluster("eks", args, opts), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_tagged_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "EksCluster")
    policies.assert_tagged(deployment, TAGS)


def test_the_api_is_private_unless_networks_are_named() -> None:
    closed = deployed().one(CONTROL_PLANE).inputs["vpcConfig"]
    assert closed["endpointPrivateAccess"] is True
    assert closed["endpointPublicAccess"] is False
    assert "publicAccessCidrs" not in closed
    named = deployed(dataclasses.replace(ARGS, public_cidrs=("203.0.113.0/24",))).one(CONTROL_PLANE).inputs
    assert named["vpcConfig"]["endpointPublicAccess"] is True
    assert named["vpcConfig"]["publicAccessCidrs"] == ["203.0.113.0/24"]


def test_who_made_the_cluster_has_no_rights_of_their_own() -> None:
    deployment = deployed()
    assert deployment.one(CONTROL_PLANE).inputs["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": False,
    }
    entry, association = deployment.one("AccessEntry"), deployment.one("AccessPolicyAssociation")
    assert entry.inputs["principalArn"] == association.inputs["principalArn"] == ADMINISTRATOR
    assert association.inputs["policyArn"].endswith("AmazonEKSClusterAdminPolicy")
    assert association.inputs["accessScope"] == {"type": "cluster"}


def test_secrets_are_encrypted_with_a_key_of_the_cluster_that_rotates() -> None:
    deployment = deployed()
    key = deployment.one("aws:kms/key:Key")
    assert key.inputs["enableKeyRotation"] is True
    assert deployment.one(CONTROL_PLANE).inputs["encryptionConfig"] == {
        "provider": {"keyArn": f"arn:aws:kms:eu-central-1:123456789012:{key.name}"},
        "resources": ["secrets"],
    }


def test_the_control_plane_logs_everything_into_an_encrypted_group_that_was_there_before() -> None:
    deployment = deployed()
    control_plane, group = deployment.one(CONTROL_PLANE), deployment.one("LogGroup")
    assert set(control_plane.inputs["enabledClusterLogTypes"]) == {
        "api",
        "audit",
        "authenticator",
        "controllerManager",
        "scheduler",
    }
    assert group.inputs["name"] == "/aws/eks/here/cluster"
    assert group.inputs["kmsKeyId"] == ARGS.log_key_arn
    assert "eks-logs" in rules.before(deployment, control_plane)


def test_the_version_is_the_chosen_one_on_standard_support() -> None:
    inputs = deployed().one(CONTROL_PLANE).inputs
    assert inputs["version"] == "1.36"
    assert inputs["upgradePolicy"] == {"supportType": "STANDARD"}
    assert inputs["bootstrapSelfManagedAddons"] is False


def test_pods_with_gpus_are_packed_so_that_whole_nodes_stay_free() -> None:
    fit = deployed().one(CONTROL_PLANE).inputs["kubeSchedulerConfig"]["nodeResourcesFit"]["scoringStrategy"]
    weights = {each["name"]: each["weight"] for each in fit["resources"]}
    assert fit["type"] == "MostAllocated"
    assert weights["nvidia.com/gpu"] == max(weights.values())


def test_every_add_on_has_its_pinned_version() -> None:
    addons = {
        each.inputs["addonName"]: each.inputs["addonVersion"]
        for each in deployed().of_type("aws:eks/addon:Addon")
    }
    assert addons == dict(eks_addons("1.36"))


def test_network_policies_are_enforced() -> None:
    values = json.loads(deployed().one("aws:eks/addon:Addon", "eks-vpc-cni").inputs["configurationValues"])
    assert values["enableNetworkPolicy"] == "true"


def test_nodes_join_after_their_network_and_add_ons_with_pods_start_after_nodes() -> None:
    deployment = deployed()
    nodes = deployment.one("aws:eks/nodeGroup:NodeGroup")
    assert {"eks-vpc-cni", "eks-kube-proxy", "eks-eks-pod-identity-agent"} <= rules.before(deployment, nodes)
    assert nodes.name in rules.before(deployment, deployment.one("aws:eks/addon:Addon", "eks-coredns"))


def test_what_looks_at_gpus_is_on_the_nodes_that_are_tainted_for_them() -> None:
    agent = deployed().one("aws:eks/addon:Addon", "eks-eks-node-monitoring-agent").inputs
    (toleration,) = json.loads(agent["configurationValues"])["dcgmAgent"]["tolerations"]
    assert (toleration["key"], toleration["effect"]) == (TAINT["key"], TAINT["effect"])
    assert toleration["operator"] == "Exists"


def test_nodes_that_are_repaired_are_watched() -> None:
    """The condition of GPUs by which EKS repairs a node is written by the agent alone."""
    deployment = deployed()
    repaired = [
        each.name
        for each in deployment.of_type("aws:eks/nodeGroup:NodeGroup")
        if each.inputs["nodeRepairConfig"]["enabled"]
    ]
    watching = {each.inputs["addonName"] for each in deployment.of_type("aws:eks/addon:Addon")}
    assert not repaired or "eks-node-monitoring-agent" in watching


def test_nodes_may_join_pull_images_and_let_an_administrator_in_and_nothing_else() -> None:
    attached = [
        each.inputs["policyArn"].rpartition("/")[2]
        for each in deployed().of_type("RolePolicyAttachment")
        if each.name.startswith("eks-node-")
    ]
    assert sorted(attached) == [
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonEKSWorkerNodePolicy",
        "AmazonSSMManagedInstanceCore",
    ]


@pytest.mark.parametrize("version", EKS_ADDONS)
def test_the_storage_driver_reaches_volumes_of_its_own_cluster_alone(version: str) -> None:
    named = "eks-aws-ebs-csi-driver-AmazonEBSCSIDriverEKSClusterScopedPolicy"
    attached = deployed().one("RolePolicyAttachment", named).inputs["policyArn"]
    assert attached == "arn:aws:iam::aws:policy/AmazonEBSCSIDriverEKSClusterScopedPolicy"
    # By their tags, which the driver sets from this version on.
    driver = EKS_ADDONS[version]["aws-ebs-csi-driver"].removeprefix("v").split(".")
    assert (int(driver[0]), int(driver[1])) >= (1, 58)


def test_what_an_add_on_may_do_belongs_to_its_own_service_account() -> None:
    deployment = deployed()
    addon = deployment.one("aws:eks/addon:Addon", "eks-vpc-cni").inputs
    ((association),) = addon["podIdentityAssociations"]
    assert association["serviceAccount"] == "aws-node"
    role = deployment.one("aws:iam/role:Role", "eks-vpc-cni-role")
    (trust,) = policies.statements(role.inputs["assumeRolePolicy"])
    assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert trust["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] == "aws-node"
    attached = deployment.one("RolePolicyAttachment", "eks-vpc-cni-AmazonEKS_CNI_Policy")
    assert attached.inputs["policyArn"] == "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"


def test_only_the_services_themselves_take_the_roles_of_the_cluster_and_its_nodes() -> None:
    roles = {each.name: each.inputs["assumeRolePolicy"] for each in deployed().of_type("aws:iam/role:Role")}
    (control_plane,) = policies.statements(roles["eks-control-plane-role"])
    assert control_plane["Principal"] == {"Service": "eks.amazonaws.com"}
    (node,) = policies.statements(roles["eks-node-role"])
    assert node["Principal"] == {"Service": "ec2.amazonaws.com"}
    assert node["Action"] == ["sts:AssumeRole"]


def test_what_acts_as_a_role_comes_after_its_rights_and_goes_before_them() -> None:
    deployment = deployed()
    for token, rights in (
        (CONTROL_PLANE, {"eks-control-plane-AmazonEKSClusterPolicy"}),
        (
            "aws:eks/nodeGroup:NodeGroup",
            {"eks-node-AmazonEKSWorkerNodePolicy", "eks-node-AmazonEC2ContainerRegistryPullOnly"},
        ),
    ):
        assert rights <= rules.before(deployment, deployment.one(token))
    addon = deployment.one("aws:eks/addon:Addon", "eks-aws-ebs-csi-driver")
    assert "eks-aws-ebs-csi-driver-AmazonEBSCSIDriverEKSClusterScopedPolicy" in rules.before(
        deployment, addon
    )


def test_the_rules_between_nodes_are_left_to_eks() -> None:
    assert not deployed().of_type("SecurityGroupEgressRule")


def test_a_kubeconfig_holds_no_credentials() -> None:
    content = yaml.safe_load(kubeconfig("here", "eu-central-1", "https://api", "Y2E="))
    (user,) = content["users"]
    assert user["user"].keys() == {"exec"}
    assert user["user"]["exec"]["args"][:4] == ["eks", "get-token", "--cluster-name", "here"]
    (cluster,) = content["clusters"]
    assert cluster["cluster"] == {"server": "https://api", "certificate-authority-data": "Y2E="}
    assert content["current-context"] == "here"


def test_objects_wait_for_access_nodes_and_add_ons() -> None:
    def program() -> None:
        cluster = EksCluster("eks", ARGS)
        kubernetes.Provider("kube", kubeconfig=cluster.kubeconfig)

    deployment = deploy(program)
    provider = deployment.one("pulumi:providers:kubernetes")
    assert "kubeconfig" in provider.secret_inputs
    assert {
        "eks-access-platform-administrator",
        "eks-system-nodes",
        "eks-coredns",
        "eks-aws-ebs-csi-driver",
        "eks-vpc-cni",
    } <= rules.before(deployment, provider)


def test_protection_covers_the_cluster_and_its_key_and_not_what_can_be_made_again() -> None:
    keep = pulumi.ResourceOptions(protect=True, retain_on_delete=True)
    deployment = deployed(opts=keep)
    protected = {each.name for each in deployment.registrations if each.protect}
    assert {"eks-control-plane", "eks-secrets-key", "eks-logs"} <= protected
    assert not {"eks-system-nodes", "eks-vpc-cni", "eks-access-platform", "eks-node-role"} & protected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"administrators": ()}, "administrators: none given"),
        ({"public_cidrs": ("0.0.0.0/0",)}, "public_cidrs: 0.0.0.0/0 is everyone"),
        ({"addons": {"vpc-cni": "v1"}}, "addons: no version of aws-ebs-csi-driver, coredns"),
    ],
)
def test_values_that_cannot_work_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(ARGS, **change)  # pyright: ignore[reportArgumentType]
