"""No change of the code's layout may replace a resource: every stack registers what was recorded."""

import re
import sys
from pathlib import Path

import pytest

from components import images
from infra.parts import IMAGES, SECRETS
from infra.settings import stack_file
from tests.fixtures import platform
from tests.fixtures.recorder import Registration

RECORDED = Path(__file__).with_name("resources")
STACKS = sorted(each.stem for each in RECORDED.glob("*.txt"))
# Teams by stack, whose profiles were children of GpuScheduling.
_TEAMS = {
    "dev": ("research",),
    "staging": ("research", "serving"),
    "prod": ("research", "applied", "serving"),
}


def _moved_profile(stack: str, team: str) -> dict[str, str]:
    """Return the lines of a team's profile: its alias names its old URN, and children follow their parent."""
    kube = f"provider=pulumi:pulumi:Stack$pulumi:providers:kubernetes::plinth-{stack}"
    profile, space = "plinth:index:TeamProfile", "plinth:index:PlatformNamespace"
    old, new = f"gpu-scheduling-{team}", f"team-{team}"
    none = "provider=-"
    component_old = f"parent=plinth:index:GpuScheduling${profile}::{old} {none}"
    component_new = f"parent=pulumi:pulumi:Stack${profile}::{new} {none}"
    below_old = f"parent=plinth:index:GpuScheduling${profile}::{old} {kube}"
    below_new = f"parent=pulumi:pulumi:Stack${profile}::{new} {kube}"
    scheduling = "parent=pulumi:pulumi:Stack$plinth:index:GpuScheduling::gpu-scheduling"
    in_old = f"parent={profile}${space}::{old}-namespace {kube}"
    in_new = f"parent={profile}${space}::{new}-namespace {kube}"
    policy = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
    queue, namespace = "kubernetes:kueue.x-k8s.io/v1beta2:LocalQueue", "kubernetes:core/v1:Namespace"
    return {
        f"{profile} {old} {scheduling} {none}": f"{profile} {new} parent=stack {none}",
        f"{space} {old}-namespace {component_old}": f"{space} {new}-namespace {component_new}",
        f"{policy} {old}-policy {below_old}": f"{policy} {new}-policy {below_new}",
        f"{queue} {old}-queue {below_old}": f"{queue} {new}-queue {below_new}",
        f"{namespace} {old}-namespace-namespace {in_old}": f"{namespace} {new}-namespace-namespace {in_new}",
        f"{policy} {old}-namespace-default-deny {in_old}": f"{policy} {new}-namespace-default-deny {in_new}",
    }


def _moved_queues(stack: str) -> dict[str, str]:
    """Return the lines of Kueue and its queues, which were children of GpuScheduling."""
    old, new = "plinth:index:GpuScheduling", "plinth:index:KueueQueues"
    kinds = ("kueue", "cluster-queue", "cohort", "resource-flavor")
    moved = [f"gpu-scheduling-{kind}" for kind in kinds]
    return {
        line: line.replace(f"{old}::gpu-scheduling", f"{new}::queues")
        .replace(f"{old}$", f"{new}$")
        .replace("gpu-scheduling-", "queues-")
        for line in (RECORDED / f"{stack}.txt").read_text().splitlines()
        if line.split()[1].startswith(tuple(moved))
    }


# Old line -> new line of what was renamed or moved on purpose; each carries an alias of its old URN.
RENAMED: dict[str, str] = {
    old: new
    for stack, teams in _TEAMS.items()
    for team in teams
    for old, new in _moved_profile(stack, team).items()
} | {old: new for stack in _TEAMS for old, new in _moved_queues(stack).items()}
# Type and name of what an update of a stack from that time creates.
ADDED = {
    # Production survives the loss of a node.
    "kubernetes:policy/v1:PodDisruptionBudget cluster-autoscaler-disruption-budget",
    "kubernetes:policy/v1:PodDisruptionBudget karpenter-disruption-budget",
    "kubernetes:policy/v1:PodDisruptionBudget pipelines-api-disruption-budget",
    "kubernetes:policy/v1:PodDisruptionBudget pipelines-argo-disruption-budget",
    # Clients that can only be given an address connect to localhost.
    "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute mlflow-route-localhost",
    "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute pipelines-api-route-localhost",
    # Inference services that name no account read models too.
    "plinth:index:PodIdentity object-store-serving-default",
    "aws:iam/role:Role object-store-serving-default-role",
    "aws:iam/rolePolicy:RolePolicy object-store-serving-default-rights",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation object-store-serving-default-association",
    "kubernetes:core/v1:ServiceAccountPatch kserve-default-account",
    # Images that hold code of this repository: runs that cannot go on say so, and loops work in loops.
    "aws:ecr/lifecyclePolicy:LifecyclePolicy images-argo-workflow-controller-lifecycle",
    "aws:ecr/lifecyclePolicy:LifecyclePolicy images-kfp-api-server-lifecycle",
    "aws:ecr/lifecyclePolicy:LifecyclePolicy images-kfp-driver-lifecycle",
    "aws:ecr/lifecyclePolicy:LifecyclePolicy images-kfp-launcher-lifecycle",
    "aws:ecr/repository:Repository images-argo-workflow-controller",
    "aws:ecr/repository:Repository images-kfp-api-server",
    "aws:ecr/repository:Repository images-kfp-driver",
    "aws:ecr/repository:Repository images-kfp-launcher",
    # A registry has the images of every part, so that each can be enabled later.
    *(
        f"aws:ecr/{kind} images-{image}{suffix}"
        for image in ("katib-controller", "katib-suggestion-goptuna", "trainer-controller")
        for kind, suffix in (
            ("lifecyclePolicy:LifecyclePolicy", "-lifecycle"),
            ("repository:Repository", ""),
        )
    ),
    # The state keeps what was generated into the configuration: an update adopts it.
    "plinth:index:KeptSecrets secrets",
    *(f"pulumi:index:Stash secrets-{secret.name}" for secret in SECRETS),
    # What hands out GPUs and starts nodes is scraped too.
    "kubernetes:monitoring.coreos.com/v1:PodMonitor monitoring-cluster-autoscaler-monitor",
    "kubernetes:monitoring.coreos.com/v1:PodMonitor monitoring-karpenter-monitor",
    "kubernetes:monitoring.coreos.com/v1:PodMonitor monitoring-queues-monitor",
    # What live rows of models look like is scraped and shown.
    "kubernetes:core/v1:ConfigMap monitoring-dashboard-drift",
    "kubernetes:monitoring.coreos.com/v1:PodMonitor monitoring-delivery-monitor",
    # Recorded requests are stored and shown.
    "kubernetes:core/v1:ConfigMap monitoring-dashboard-payloads",
    # Two versions are compared on live traffic.
    "kubernetes:core/v1:ConfigMap monitoring-dashboard-experiments",
    "kubernetes:core/v1:Secret delivery-payloads",
    "plinth:index:PodIdentity object-store-delivery-delivery",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation object-store-delivery-delivery-association",
    "aws:iam/role:Role object-store-delivery-delivery-role",
    "aws:iam/rolePolicy:RolePolicy object-store-delivery-delivery-rights",
    *(
        f"aws:{kind} object-store-payloads{suffix}"
        for kind, suffix in (
            ("s3/bucket:Bucket", ""),
            ("s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "-lifecycle"),
            ("s3/bucketLogging:BucketLogging", "-logging"),
            ("s3/bucketOwnershipControls:BucketOwnershipControls", "-ownership"),
            ("s3/bucketPolicy:BucketPolicy", "-policy"),
            ("s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "-public-access"),
            (
                "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
                "-encryption",
            ),
            ("s3/bucketVersioning:BucketVersioning", "-versioning"),
        )
    ),
    # Databases from before are converted to utf8mb4.
    "plinth:index:MysqlText mysql-text",
    "kubernetes:batch/v1:Job mysql-text-job",
    "kubernetes:core/v1:ConfigMap mysql-text-program",
    "kubernetes:core/v1:Secret mysql-text-passwords",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy mysql-text-policy",
    # A step may not take what the servers in its namespace have.
    "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy pipelines-argo-step-pods",
    "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding "
    "pipelines-argo-step-pods-binding",
    # A service runs the platform's programs on models of its bucket.
    "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy kserve-services",
    "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding kserve-services-binding",
    # The autoscaler knows a GPU node that is starting by this label.
    *(
        f"aws:autoscaling/tag:Tag gpu-{pool}-group-label-k8s.amazonaws.com-accelerator"
        for pool in ("inference", "shared", "small", "training")
    ),
    # Operators may do here what they no longer may everywhere.
    "kubernetes:core/v1:ConfigMap postgres-operator-settings",
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding postgres-operator-binding",
    "kubernetes:rbac.authorization.k8s.io/v1:Role kserve-controller-models-role",
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding kserve-controller-models-binding",
    # In production what every request or deployment goes through has two replicas.
    "kubernetes:policy/v1:PodDisruptionBudget kserve-controller-disruption-budget",
    "kubernetes:policy/v1:PodDisruptionBudget mlflow-disruption-budget",
    "kubernetes:policy/v1:PodDisruptionBudget traefik-disruption-budget",
    # Clients outside have a Service of their own, so that the one of the cluster can go on without TLS.
    "kubernetes:core/v1:Service traefik-load-balancer",
    "kubernetes:core/v1:Service traefik-node-port",
    # Clients verify databases by the authorities of RDS.
    "kubernetes:core/v1:ConfigMap pipelines-metadata-authorities",
    "kubernetes:core/v1:ConfigMap mlflow-authorities",
    "kubernetes:core/v1:ConfigMap pipelines-api-authorities",
    # Logs of RDS expire and are encrypted.
    "aws:cloudwatch/logGroup:LogGroup mysql-instance-error-log",
    "aws:cloudwatch/logGroup:LogGroup mysql-instance-slowquery-log",
    "aws:cloudwatch/logGroup:LogGroup postgres-instance-postgresql-log",
    "aws:cloudwatch/logGroup:LogGroup postgres-instance-upgrade-log",
    # The storage driver reaches volumes of its own cluster alone.
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment "
    "eks-aws-ebs-csi-driver-AmazonEBSCSIDriverEKSClusterScopedPolicy",
    # Each family of packages that models need has an image of the model server.
    "aws:ecr/lifecyclePolicy:LifecyclePolicy images-serving-runtime-boosting-lifecycle",
    "aws:ecr/lifecyclePolicy:LifecyclePolicy images-serving-runtime-onnx-lifecycle",
    "aws:ecr/repository:Repository images-serving-runtime-boosting",
    "aws:ecr/repository:Repository images-serving-runtime-onnx",
    # The cluster autoscaler ends no run to save a node.
    *(
        f"kubernetes:admissionregistration.k8s.io/v1:MutatingAdmissionPolicy{kind} "
        f"gpu-scheduling-mutating-admission-policy{role}-plinth-gpu-pods-keep-their-nodes"
        for kind, role in (("", ""), ("Binding", "-binding"))
    ),
    # Outside of the teams no pod gets a GPU.
    *(
        f"kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy{kind} "
        f"gpu-scheduling-validating-admission-policy{role}-plinth-gpus-are-for-teams"
        for kind, role in (("", ""), ("Binding", "-binding"))
    ),
    # A shell on nodes by Session Manager.
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment eks-node-AmazonSSMManagedInstanceCore",
    "aws:ec2/vpcEndpoint:VpcEndpoint network-ssmmessages",
    # What repairs nodes learns of faulty GPUs from it.
    "aws:eks/addon:Addon eks-eks-node-monitoring-agent",
    # Pods get the network adapters that pools have.
    "plinth:index:EfaDevicePlugin efa-device-plugin",
    "plinth:index:PlatformNamespace efa-device-plugin-namespace",
    "kubernetes:apps/v1:DaemonSet efa-device-plugin-adapters",
    "kubernetes:core/v1:Namespace efa-device-plugin-namespace-namespace",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy efa-device-plugin-namespace-default-deny",
    # In production nodes pull from the account alone.
    *(
        f"aws:ecr/{kind} images-{name}{suffix}"
        for name in images.repositories(IMAGES, mirrored=True)
        if not images.is_own(name) or name in ("cluster-autoscaler", "karpenter")
        for kind, suffix in (("repository:Repository", ""), ("lifecyclePolicy:LifecyclePolicy", "-lifecycle"))
    ),
    # Somebody gets a mail about what the account costs.
    "plinth:index:MonthlyBudget budget",
    # Production has a login in front of every host.
    "aws:ecr/lifecyclePolicy:LifecyclePolicy images-oauth2-proxy-lifecycle",
    "aws:ecr/repository:Repository images-oauth2-proxy",
    # Runs have a namespace of their own.
    "plinth:index:PlatformNamespace runs",
    "kubernetes:core/v1:Namespace runs-namespace",
    "kubernetes:core/v1:LimitRange pipelines-steps-limits",
    "kubernetes:admissionregistration.k8s.io/v1:MutatingAdmissionPolicy pipelines-steps-step-limits",
    "kubernetes:admissionregistration.k8s.io/v1:MutatingAdmissionPolicyBinding "
    "pipelines-steps-step-limits-binding",
    "kubernetes:core/v1:Secret pipelines-api-artifacts",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy runs-default-deny",
    "kubernetes:rbac.authorization.k8s.io/v1:Role pipelines-argo-own-role",
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding pipelines-argo-own-binding",
    "plinth:index:UserRoles roles",
    "plinth:index:Login login",
    "plinth:index:PlatformNamespace identity",
    "kubernetes:core/v1:Namespace identity-namespace",
    "kubernetes:core/v1:ConfigMap login-pages",
    "kubernetes:core/v1:ConfigMap traefik-configuration",
    "kubernetes:core/v1:ConfigMap traefik-gate",
    "kubernetes:core/v1:Secret login-secret",
    "kubernetes:core/v1:ServiceAccount roles-operator",
    "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute login-route",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy identity-default-deny",
    *(
        f"kubernetes:{kind} login-{role}"
        for kind, role in (
            ("apps/v1:Deployment", "server"),
            ("core/v1:Service", "service"),
            ("networking.k8s.io/v1:NetworkPolicy", "policy"),
            ("policy/v1:PodDisruptionBudget", "disruption-budget"),
        )
    ),
    *(
        f"kubernetes:rbac.authorization.k8s.io/v1:ClusterRole roles-{role}"
        for role in ("caller", "member", "promoter", "viewer")
    ),
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding roles-promoter-mlflow",
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding roles-caller-models",
    *(
        f"kubernetes:rbac.authorization.k8s.io/v1:RoleBinding roles-{role}-{namespace}"
        for role in ("member", "viewer")
        for namespace in ("kubeflow", "mlflow", "models", "monitoring")
    ),
    "aws:budgets/budget:Budget budget-budget",
    # A proxy alone reaches MLflow, and chooses the workspace.
    "aws:ecr/lifecyclePolicy:LifecyclePolicy images-haproxy-lifecycle",
    "aws:ecr/repository:Repository images-haproxy",
    "kubernetes:apps/v1:Deployment mlflow-proxy-server",
    "kubernetes:core/v1:ConfigMap mlflow-proxy-config",
    "kubernetes:core/v1:Service mlflow-server-service",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy mlflow-proxy-policy",
    "kubernetes:policy/v1:PodDisruptionBudget mlflow-proxy-disruption-budget",
    # A controller moves the requests of a model from version to version, and who asks is on record.
    "aws:ecr/lifecyclePolicy:LifecyclePolicy images-delivery-controller-lifecycle",
    "aws:ecr/repository:Repository images-delivery-controller",
    *(
        f"kubernetes:admissionregistration.k8s.io/v1:{kind}AdmissionPolicy{suffix}"
        for kind, name in (("Mutating", "delivery-requester"), ("Validating", "delivery-approval"))
        for suffix in (f" {name}", f"Binding {name}-binding")
    ),
    "kubernetes:apps/v1:Deployment delivery-controller",
    "kubernetes:core/v1:ConfigMap delivery-settings",
    "kubernetes:core/v1:Namespace delivery-namespace",
    "kubernetes:core/v1:Service delivery-service",
    "kubernetes:core/v1:ServiceAccount delivery-account",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy delivery-default-deny",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy delivery-policy",
    *(
        f"kubernetes:rbac.authorization.k8s.io/v1:{kind} delivery-{where}-{suffix}"
        for where in ("gateway", "models")
        for kind, suffix in (("Role", "role"), ("RoleBinding", "binding"))
    ),
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding roles-promoter-models",
    "kubernetes:yaml/v2:ConfigGroup delivery-definitions",
    "plinth:index:DeliveryController delivery",
    # Queues are for CPUs too, and have a page of their own.
    "plinth:index:KueueQueues queues",
    "kubernetes:core/v1:ConfigMap monitoring-dashboard-queues",
    "plinth:index:PlatformNamespace delivery",
}
# Type and name of what an update deletes.
REMOVED = {
    # EKS gives a cluster's security group this rule itself, and refuses a second one.
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule eks-node-traffic",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment eks-aws-ebs-csi-driver-AmazonEBSCSIDriverPolicy",
    # Slices of MIG cannot use the adapters of staging's pool.
    "aws:autoscaling/tag:Tag gpu-training-group-resources-vpc.amazonaws.com-efa",
    # No pod and no node reads a secret of AWS.
    "aws:ec2/vpcEndpoint:VpcEndpoint network-secretsmanager",
}
# A serving runtime is named after its content: another image is another runtime, made before the old one
# is deleted.
_CONTENT = re.compile(r"(?<= kserve-runtime-mlflow-)[0-9a-f]{8}\b")


def _short(urn: str) -> str:
    """Return an URN without its project and stack; the stack itself, at the top, has no other name."""
    kind, _, name = "::".join(urn.split("::")[2:]).partition("::")
    return "stack" if kind == "pulumi:pulumi:Stack" else f"{kind}::{name}"


def _line(resource: Registration) -> str:
    """Return type, name, parent and provider as the engine identifies them."""
    # A component has no provider of its own, and may hand several to its children.
    provider = (
        _short(resource.provider.rpartition("::")[0])
        if resource.provider and not resource.type.startswith("plinth:")
        else "-"
    )
    parent = _short(resource.parent) if resource.parent else "-"
    return _CONTENT.sub("CONTENT", f"{resource.type} {resource.name} parent={parent} provider={provider}")


def lines(stack: str) -> list[str]:
    """Return a line for each resource of a stack, in alphabetical order.

    Without the pipelines of its teams, which are newer than the records: `test_team_services` has theirs.
    """
    settings = stack_file.settings(stack)
    teams = tuple(each.model_copy(update={"pipelines": False}) for each in settings.teams)
    chosen = settings.model_copy(update={"teams": teams})
    deployed = platform.deployed(chosen, preview=True, stack_name=stack)
    return sorted(_line(each) for each in deployed.registrations)


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_registers_the_recorded_resources(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    recorded = {RENAMED.get(each, each) for each in (RECORDED / f"{stack}.txt").read_text().splitlines()}
    registered = set(lines(stack))
    deleted = {each for each in recorded - registered if " ".join(each.split()[:2]) not in REMOVED}
    assert sorted(deleted) == [], "resources that an update would delete"
    created = {each for each in registered - recorded if " ".join(each.split()[:2]) not in ADDED}
    assert sorted(created) == [], "resources that an update would create"


if __name__ == "__main__":
    for name in sys.argv[1:] or STACKS:
        (RECORDED / f"{name}.txt").write_text("\n".join(lines(name)) + "\n")
