"""plinth's rules for planned resources, in addition to those of a general scanner."""

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from infra.settings.stack import Environment, Settings
from simulation.aws import documented_rules, published_types, replacements
from simulation.aws.plan_rules import (
    availability,
    load_balancers,
    log_groups,
    promised_resources,
    store_connections,
)
from simulation.aws.planned import PlannedResource
from simulation.aws.policies import as_list, statements

BUCKET = "aws:s3/bucket:Bucket"
CLUSTER = "aws:eks/cluster:Cluster"
INSTANCE = "aws:rds/instance:Instance"
KEY = "aws:kms/key:Key"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
REPOSITORY = "aws:ecr/repository:Repository"
_ACCESS_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
_BUCKET_ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
_PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
_ROLE = "aws:iam/role:Role"
_RIGHTS = ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "aws:iam/rolePolicy:RolePolicy")
_EVERYONE = {"0.0.0.0/0", "::/0"}
# Read-only actions that AWS cannot restrict to a resource: a policy must use `*` for them.
# Source: the service authorization reference; iam:ListInstanceProfiles as in Karpenter's own policy.
_WITHOUT_RESOURCES = re.compile(
    r"(ec2|autoscaling):(Describe|Get)[A-Za-z]+|ecr:GetAuthorizationToken|iam:ListInstanceProfiles|"
    r"pricing:GetProducts|ssm:GetParameter"
)


@dataclass(frozen=True, kw_only=True)
class Breach:
    """A resource that breaks a rule."""

    rule: str
    resource: str
    reason: str

    def text(self) -> str:
        """Return the breach as one line."""
        return f"{self.rule}: {self.resource}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The resources of a stack in AWS, and the stack's settings."""

    resources: Sequence[PlannedResource]
    settings: Settings
    elsewhere: Sequence[PlannedResource] = ()
    """The resources in the cluster, between which and AWS the order matters."""

    def of_type(self, *tokens: str) -> list[PlannedResource]:
        """Return the resources of some types."""
        return [each for each in self.resources if each.token in tokens]

    @functools.cached_property
    def _by_urn(self) -> Mapping[str, PlannedResource]:
        return {each.urn: each for each in (*self.resources, *self.elsewhere)}

    def before(self, resource: PlannedResource) -> list[PlannedResource]:
        """Return every resource that exists before another is created, and until it is deleted."""
        found: dict[str, PlannedResource] = {}
        waiting = [resource]
        while waiting:
            each = waiting.pop()
            for urn in (*each.dependencies, *(one for urns in each.references.values() for one in urns)):
                if urn not in found and (known := self._by_urn.get(urn)):
                    found[urn] = known
                    waiting.append(known)
        return [*found.values()]

    def companion(self, token: str, of: PlannedResource, through: str = "bucket") -> PlannedResource | None:
        """Return the resource of a type that refers to another."""
        companions = [each for each in self.of_type(token) if of.urn in each.references.get(through, ())]
        return companions[0] if companions else None


_Faults = Iterator[tuple[PlannedResource, str]]
_Rule = Callable[[Plan], _Faults]


def breaches(plan: Plan) -> list[Breach]:
    """Return every breach of every rule."""
    return [
        Breach(rule=name, resource=f"{resource.token.rsplit(':', 1)[-1]} {resource.name}", reason=reason)
        for name, rule in RULES.items()
        for resource, reason in rule(plan)
    ]


def _is(plan: Plan, token: str, path: str, wanted: object) -> _Faults:
    for each in plan.of_type(token):
        actual = _at(each.inputs, path)
        if actual != wanted:
            yield each, f"{path} is {actual!r}, not {wanted!r}"


def _given(plan: Plan, token: str, path: str) -> _Faults:
    for each in plan.of_type(token):
        if not _at(each.inputs, path):
            yield each, f"{path} is not given"


def _encrypted(plan: Plan) -> _Faults:
    yield from _is(plan, INSTANCE, "storageEncrypted", wanted=True)
    yield from _given(plan, INSTANCE, "kmsKeyId")
    yield from _given(plan, CLUSTER, "encryptionConfig.provider.keyArn")
    yield from _given(plan, LOG_GROUP, "kmsKeyId")
    yield from _is(plan, KEY, "enableKeyRotation", wanted=True)
    for each in plan.of_type(LAUNCH_TEMPLATE):
        for mapping in each.inputs.get("blockDeviceMappings") or [{}]:
            if str(mapping.get("ebs", {}).get("encrypted")).lower() != "true":
                yield each, "a volume is not encrypted"
    for each in plan.of_type(REPOSITORY):
        kinds = [one.get("encryptionType") for one in each.inputs.get("encryptionConfigurations") or []]
        if kinds != ["KMS"]:
            yield each, f"encryption is {kinds}, not KMS"
    for each in plan.of_type(BUCKET):
        companion = plan.companion(_BUCKET_ENCRYPTION, each)
        rules: list[Any] = [] if companion is None else companion.inputs["rules"]
        kinds = [one.get("applyServerSideEncryptionByDefault", {}).get("sseAlgorithm") for one in rules]
        # S3 can deliver access logs only to a bucket with its own keys.
        allowed = (["AES256"], ["aws:kms"]) if "access-logs" in each.name else (["aws:kms"],)
        if kinds not in allowed:
            yield each, f"default encryption is {kinds}"


def _closed(plan: Plan) -> _Faults:
    for each in plan.of_type(INSTANCE):
        if each.inputs.get("publiclyAccessible"):
            yield each, "is publicly accessible"
    for each in plan.of_type(CLUSTER):
        network: Mapping[str, Any] = each.inputs["vpcConfig"]
        if network.get("endpointPrivateAccess") is not True:
            yield each, "has no private endpoint"
        open_to = set(network.get("publicAccessCidrs") or _EVERYONE)
        if network.get("endpointPublicAccess") is not False and open_to & _EVERYONE:
            yield each, "is open to everyone"
    for each in plan.of_type(BUCKET):
        block = plan.companion(_ACCESS_BLOCK, each)
        names = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        if block is None or not all(block.inputs.get(name) is True for name in names):
            yield each, "does not block public access"
    for each in plan.resources:
        if _admitted_addresses(each) & _EVERYONE:
            yield each, "admits everyone"


def _admitted_addresses(resource: PlannedResource) -> set[str]:
    """Return the addresses that a security group or one of its rules admits."""
    inputs = resource.inputs
    if resource.token == "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule":
        return {str(inputs.get("cidrIpv4")), str(inputs.get("cidrIpv6"))}
    if resource.token == "aws:ec2/securityGroupRule:SecurityGroupRule" and inputs.get("type") == "ingress":
        return {*(inputs.get("cidrBlocks") or []), *(inputs.get("ipv6CidrBlocks") or [])}
    if resource.token == "aws:ec2/securityGroup:SecurityGroup":
        rules: list[Any] = inputs.get("ingress") or []
        return {cidr for rule in rules for cidr in (rule.get("cidrBlocks") or [])}
    return set()


def _tls_only(plan: Plan) -> _Faults:
    for each in plan.of_type(BUCKET):
        policy = plan.companion(_BUCKET_POLICY, each)
        if policy is None or not any(_denies_plain_text(one) for one in statements(policy.inputs["policy"])):
            yield each, "its policy does not refuse requests without TLS"
    wanted = {"postgres": ("rds.force_ssl", {"1"}), "mysql": ("require_secure_transport", {"1", "ON"})}
    for each in plan.of_type(_PARAMETERS):
        engine = "postgres" if str(each.inputs["family"]).startswith("postgres") else "mysql"
        name, values = wanted[engine]
        set_to = {one["name"]: one["value"] for one in each.inputs.get("parameters") or []}
        if set_to.get(name) not in values:
            yield each, f"{name} is {set_to.get(name)!r}: clients may connect without TLS"


def _denies_plain_text(statement: Mapping[str, Any]) -> bool:
    condition = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return statement["Effect"] == "Deny" and condition in ("false", False, ["false"])


def _least_privilege(plan: Plan) -> _Faults:
    for each in plan.resources:
        for name, kind in documented_rules.policy_inputs(each.token).items():
            if each.inputs.get(name) is None or each.unknown(name) or kind == "trust":
                continue
            for statement in statements(each.inputs[name]):
                # In a key's policy `*` means that key alone.
                for reason in _too_wide(statement, any_resource=each.token == KEY):
                    yield each, reason


def _too_wide(statement: Mapping[str, Any], *, any_resource: bool) -> Iterator[str]:
    if statement["Effect"] != "Allow":
        return
    if "NotAction" in statement or "NotResource" in statement:
        yield "allows everything except what it names"
    actions = as_list(statement.get("Action", []))
    for action in actions:
        if action == "*" or (action.endswith(":*") and not any_resource):
            yield f"allows {action}"
    if "*" in as_list(statement.get("Resource", [])) and not any_resource:
        narrow = [each for each in actions if not _WITHOUT_RESOURCES.fullmatch(each)]
        if narrow:
            yield f"allows {', '.join(narrow)} on every resource"


def _no_static_keys(plan: Plan) -> _Faults:
    for each in plan.of_type("aws:iam/accessKey:AccessKey", "aws:iam/user:User"):
        yield each, "is a long-lived key: use pod identities"


def _metadata_service(plan: Plan) -> _Faults:
    yield from _is(plan, LAUNCH_TEMPLATE, "metadataOptions.httpTokens", "required")
    yield from _is(plan, LAUNCH_TEMPLATE, "metadataOptions.httpPutResponseHopLimit", 1)


def _tagged(plan: Plan) -> _Faults:
    for each in plan.resources:
        if "tags" in published_types.resource(each.token).inputs:
            tags: Mapping[str, str] = each.inputs.get("tags") or {}
            # Plans do not show default tags, which the provider adds later.
            if "plinth:stack" not in tags:
                yield each, f"has no tag plinth:stack, only {sorted(tags)}"


def _gpu_nodes(plan: Plan) -> _Faults:
    for each in plan.of_type(NODE_GROUP):
        if "NVIDIA" not in str(each.inputs.get("amiType")):
            continue
        taints = {(one["key"], one["effect"]) for one in each.inputs.get("taints") or []}
        if ("nvidia.com/gpu", "NO_SCHEDULE") not in taints:
            yield each, f"is not tainted against pods without GPUs: {sorted(taints)}"


def _kept(plan: Plan) -> _Faults:
    """Check that protected stacks keep their data and that others can be deleted completely."""
    protect = plan.settings.protect
    for each in plan.of_type(*replacements.STATEFUL):
        if each.protect != protect or each.retain_on_delete != protect:
            yield (
                each,
                f"protect {each.protect}, retainOnDelete {each.retain_on_delete}; the stack has {protect}",
            )
    yield from _is(plan, INSTANCE, "deletionProtection", wanted=protect)
    yield from _is(plan, CLUSTER, "deletionProtection", wanted=protect)
    for each in plan.of_type(BUCKET, REPOSITORY):
        name = "forceDestroy" if each.token == BUCKET else "forceDelete"
        if protect and each.inputs.get(name):
            yield each, f"{name} would delete its content"


def _available(plan: Plan) -> _Faults:
    rds = plan.settings.storage.rds
    yield from _is(plan, INSTANCE, "multiAz", rds.multi_az)
    yield from _is(plan, INSTANCE, "backupRetentionPeriod", rds.backup_days)


def _rights_in_time(plan: Plan) -> _Faults:
    """Check that whatever acts as a role comes after the role's rights, and is deleted before them."""
    rights = plan.of_type(*_RIGHTS)
    for each in plan.resources:
        roles = {urn for urns in each.references.values() for urn in urns if f"{_ROLE}::" in urn}
        if each.token in _RIGHTS or not roles:
            continue
        before = {one.urn for one in plan.before(each)}
        for right in rights:
            if right.urn not in before and roles & {*right.references.get("role", ())}:
                yield each, f"does not wait for {right.name}, a right of its role"


def _identities_in_time(plan: Plan) -> _Faults:
    """Check that identities do not wait for Kubernetes: a pod that starts seconds after one gets no keys."""
    for each in plan.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation"):
        before = plan.before(each)
        if not any(one.token == CLUSTER for one in before):
            yield each, "does not wait for the cluster"
        for one in before:
            if one.token.startswith("kubernetes:"):
                yield each, f"waits for {one.name}, seconds before the pods that need it"


def _way_out_in_time(plan: Plan) -> _Faults:
    for each in plan.of_type("aws:ec2/natGateway:NatGateway"):
        routes = [one for one in plan.before(each) if one.token == "aws:ec2/route:Route"]
        if not any(one.references.get("gatewayId") for one in routes):
            yield each, "does not wait for the route to the internet gateway: it would fail for good"


def _made_by_aws(plan: Plan) -> _Faults:
    """Check that no rule is made that EKS gives a cluster's security group by itself."""
    for each in plan.of_type(
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    ):
        ends = [{*each.references.get(name, ())} for name in ("securityGroupId", "referencedSecurityGroupId")]
        if any(f"{CLUSTER}::" in urn for urn in ends[0] & ends[1]):
            yield each, "EKS makes this rule itself, and refuses a second one"


def _promises_kept(plan: Plan) -> _Faults:
    yield from promised_resources.unregistered(plan.resources, plan.elsewhere)


def _known_while_starting(plan: Plan) -> _Faults:
    return promised_resources.unknown_while_starting(plan.resources)


def _no_clear_text_at_the_edge(plan: Plan) -> _Faults:
    return load_balancers.find_clear_text(plan.elsewhere)


def _stores_verified(plan: Plan) -> _Faults:
    by_identity = {id(each.inputs): each for each in plan.elsewhere}
    for inputs, reason in store_connections.find_unverified([each.inputs for each in plan.elsewhere]):
        yield by_identity[id(inputs)], reason


def _logs_expire(plan: Plan) -> _Faults:
    return log_groups.find_unmanaged(plan.resources, plan.before)


def _never_alone(plan: Plan) -> _Faults:
    if plan.settings.environment is Environment.PRODUCTION:
        yield from availability.find_alone(plan.elsewhere)


def _controlled(plan: Plan) -> _Faults:
    for each in plan.elsewhere:
        if each.token == "kubernetes:core/v1:Pod":
            yield each, "has no controller: on EKS no network policy would bind it"


RULES: Mapping[str, _Rule] = {
    "encrypted at rest with the stack's own key": _encrypted,
    "closed to the internet": _closed,
    "TLS only": _tls_only,
    "least privilege": _least_privilege,
    "no static keys": _no_static_keys,
    "metadata service by token, one hop": _metadata_service,
    "tagged": _tagged,
    "GPU nodes keep other pods away": _gpu_nodes,
    "data outlives the stack where it is protected": _kept,
    "databases as available as the stack requires": _available,
    "rights before whoever acts by them": _rights_in_time,
    "identities long before pods": _identities_in_time,
    "NAT after the way out": _way_out_in_time,
    "nothing twice that AWS makes": _made_by_aws,
    "what autoscalers expect of a node is registered there": _promises_kept,
    "GPU nodes are known while they start": _known_while_starting,
    "no clear text at the edge": _no_clear_text_at_the_edge,
    "stores over verified TLS": _stores_verified,
    "logs expire": _logs_expire,
    "nothing that is needed all the time is alone": _never_alone,
    "no pod without a controller": _controlled,
}


def _at(values: Any, path: str) -> Any:
    """Return the value at a path."""
    return functools.reduce(
        lambda inner, name: cast("dict[str, Any]", inner).get(name) if isinstance(inner, dict) else None,
        path.split("."),
        values,
    )
