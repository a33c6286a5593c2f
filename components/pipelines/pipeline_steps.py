"""What every step of a pipeline run finds in its namespace: account, rights, stores and ways out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import ObjectStoreConnection
from components.shapes import network_policies
from components.shapes.labels import labels

# KFP labels the pods of its runs like this, drivers included.
POD_LABELS = {"pipelines.kubeflow.org/v2_component": "true"}
# KFP looks for each of these by its name.
ACCOUNT = "pipeline-runner"
ARTIFACTS_SECRET = "mlpipeline-minio-artifact"  # noqa: S105 - a name
_LAUNCHER_SETTINGS = "kfp-launcher"
_METADATA_SETTINGS = "metadata-grpc-configmap"
ENVIRONMENT = "plinth-endpoints"


@dataclass(frozen=True, kw_only=True)
class PipelineStepsArgs:
    """What the steps of a namespace may know and reach."""

    namespace: pulumi.Input[str]
    """A closed namespace."""
    artifacts: ObjectStoreConnection
    """Where steps keep what they make."""
    metadata_service: str
    """Service of the metadata store in the same namespace."""
    metadata_port: int
    """Its port."""
    environment: Mapping[str, pulumi.Input[str]]
    """What the ConfigMap `plinth-endpoints` tells steps that ask for it."""
    destinations: tuple[network_policies.EgressRule, ...]
    """Where steps may connect, beside name resolution and the Kubernetes API."""
    models_namespace: pulumi.Input[str] | None = None
    """Where steps may deploy inference services, if anywhere."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse steps that could not even report to the platform."""
        if not self.destinations:
            raise ValueError(
                "destinations: none given; steps need the pipelines API, metadata and object stores"
            )


def launcher_settings(endpoint: str, artifacts: ObjectStoreConnection) -> dict[str, str]:
    """Return the data of the launcher's ConfigMap.

    Without `providers` the launcher signs for a region named `minio`, which other S3 stores refuse.
    """
    secret = {"secretName": ARTIFACTS_SECRET, "accessKeyKey": "accesskey", "secretKeyKey": "secretkey"}
    default: dict[str, Any] = {
        "endpoint": endpoint,
        "region": artifacts.region,
        "disableSSL": not artifacts.secure,
        "forcePathStyle": True,
        # From the environment, the launcher takes the region from there too, and AWS's own endpoint.
        "credentials": {"fromEnv": True} if artifacts.keyless else {"fromEnv": False, "secretRef": secret},
    }
    return {
        "defaultPipelineRoot": f"s3://{artifacts.bucket}/v2/artifacts",
        "providers": json.dumps({"s3": {"default": default}}, sort_keys=True),
    }


def launcher_policy(namespace: str) -> dict[str, Any]:
    """Return the admission policy that gives KFP's launcher container the restricted security context.

    KFP 2.14 sets none there and has no setting for it; Argo's settings reach all containers but this one.
    """
    launcher = 'c.name == "kfp-launcher"'
    context = (
        "Object.spec.initContainers.securityContext{allowPrivilegeEscalation: false, runAsNonRoot: true, "
        'capabilities: Object.spec.initContainers.securityContext.capabilities{drop: ["ALL"]}, '
        'seccompProfile: Object.spec.initContainers.securityContext.seccompProfile{type: "RuntimeDefault"}}'
    )
    index = 'string(object.spec.initContainers.map(c, c.name).indexOf("kfp-launcher"))'
    return {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "objectSelector": {"matchLabels": POD_LABELS},
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
            ],
        },
        "matchConditions": [
            {
                "name": "has-a-bare-launcher",
                "expression": "has(object.spec.initContainers) && "
                f"object.spec.initContainers.exists(c, {launcher} && !has(c.securityContext))",
            }
        ],
        "mutations": [
            {
                "patchType": "JSONPatch",
                "jsonPatch": {
                    "expression": f'[JSONPatch{{op: "add", path: "/spec/initContainers/" + {index} + '
                    f'"/securityContext", value: {context}}}]'
                },
            }
        ],
    }


class PipelineSteps(pulumi.ComponentResource):
    """The account that steps run as, and everything they look up by a fixed name."""

    namespace: pulumi.Output[str]
    artifacts_secret: kubernetes.core.v1.Secret
    settings: list[kubernetes.core.v1.ConfigMap]
    """What steps are told; known when everything is that they are told of, such as the tracking server."""

    def __init__(self, name: str, args: PipelineStepsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:PipelineSteps", name, {"environment": sorted(args.environment)}, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._labels = {**labels("kubeflow-pipelines", name, "steps"), **args.extra_labels}
        account = kubernetes.core.v1.ServiceAccount(
            f"{name}-account", metadata=self._metadata(ACCOUNT), opts=self._child
        )
        self._runner_rights()
        if args.models_namespace is not None:
            self._deploy_rights(args.models_namespace)
        self.artifacts_secret = self._secret()
        self.settings = self._config_maps()
        self._network_policy()
        self._launcher_policy()
        self.namespace = account.metadata["namespace"]
        self.register_outputs({"namespace": self.namespace})

    def _metadata(
        self, object_name: str, namespace: pulumi.Input[str] | None = None
    ) -> kubernetes.meta.v1.ObjectMetaArgsDict:
        return {"name": object_name, "namespace": namespace or self._args.namespace, "labels": self._labels}

    def _rights(
        self,
        role_name: str,
        metadata: kubernetes.meta.v1.ObjectMetaArgsDict,
        rules: list[kubernetes.rbac.v1.PolicyRuleArgsDict],
    ) -> None:
        role = kubernetes.rbac.v1.Role(
            f"{self._name}-{role_name}-role", metadata=metadata, rules=rules, opts=self._child
        )
        kubernetes.rbac.v1.RoleBinding(
            f"{self._name}-{role_name}-binding",
            metadata=metadata,
            role_ref={
                "api_group": "rbac.authorization.k8s.io",
                "kind": "Role",
                "name": role.metadata["name"],
            },
            subjects=[{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": self._args.namespace}],
            opts=self._child,
        )

    def _runner_rights(self) -> None:
        # Upstream's role may do nearly anything in the namespace; this is all that runs were seen to need.
        keys: kubernetes.rbac.v1.PolicyRuleArgsDict = {
            "api_groups": [""],
            "resources": ["secrets"],
            "resource_names": [ARTIFACTS_SECRET],
            "verbs": ["get"],
        }
        self._rights(
            "runner",
            self._metadata(ACCOUNT),
            [
                *([] if self._args.artifacts.keyless else [keys]),
                {
                    "api_groups": [""],
                    "resources": ["configmaps"],
                    "resource_names": [_LAUNCHER_SETTINGS],
                    "verbs": ["get"],
                },
                {"api_groups": [""], "resources": ["pods"], "verbs": ["get"]},
                {
                    "api_groups": ["argoproj.io"],
                    "resources": ["workflowtaskresults"],
                    "verbs": ["create", "patch"],
                },
            ],
        )

    def _deploy_rights(self, namespace: pulumi.Input[str]) -> None:
        self._rights(
            "deploy",
            self._metadata("pipeline-deploy", namespace),
            [
                {
                    "api_groups": ["serving.kserve.io"],
                    "resources": ["inferenceservices"],
                    "verbs": ["get", "list", "watch", "create", "patch"],
                },
                # An inference service's own status does not say which generation it is about; its pods do.
                {"api_groups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
            ],
        )

    def _secret(self) -> kubernetes.core.v1.Secret:
        artifacts = self._args.artifacts
        return kubernetes.core.v1.Secret(
            f"{self._name}-artifacts",
            metadata=self._metadata(ARTIFACTS_SECRET),
            # Without keys it is there and empty: pipelines name it, and SDKs then ask for the pod's identity.
            string_data={
                "accesskey": pulumi.Output.secret(artifacts.access_key or ""),
                "secretkey": pulumi.Output.secret(artifacts.secret_key or ""),
            },
            opts=self._child,
        )

    def _config_maps(self) -> list[kubernetes.core.v1.ConfigMap]:
        artifacts = self._args.artifacts
        endpoint = pulumi.Output.from_input(artifacts.endpoint)
        data: dict[str, pulumi.Input[Mapping[str, pulumi.Input[str]]]] = {
            _LAUNCHER_SETTINGS: endpoint.apply(lambda known: launcher_settings(known, artifacts)),
            # Marked optional by upstream, but without it the launcher of this release panics.
            _METADATA_SETTINGS: {
                "METADATA_GRPC_SERVICE_HOST": self._args.metadata_service,
                "METADATA_GRPC_SERVICE_PORT": str(self._args.metadata_port),
            },
            ENVIRONMENT: self._args.environment,
        }
        return [
            kubernetes.core.v1.ConfigMap(
                f"{self._name}-{object_name}",
                metadata=self._metadata(object_name),
                data=values,
                opts=self._child,
            )
            for object_name, values in data.items()
        ]

    def _network_policy(self) -> None:
        kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._metadata("pipeline-steps"),
            spec=network_policies.exception(
                POD_LABELS, outgoing=[network_policies.api_server(), *self._args.destinations]
            ),
            opts=self._child,
        )

    def _launcher_policy(self) -> None:
        metadata: kubernetes.meta.v1.ObjectMetaArgsDict = {
            "name": f"{self._name}-launcher-security",
            "labels": self._labels,
        }
        policy = kubernetes.apiextensions.CustomResource(
            f"{self._name}-launcher-security",
            api_version="admissionregistration.k8s.io/v1",
            kind="MutatingAdmissionPolicy",
            metadata=metadata,
            spec=pulumi.Output.from_input(self._args.namespace).apply(launcher_policy),
            opts=self._child,
        )
        kubernetes.apiextensions.CustomResource(
            f"{self._name}-launcher-security-binding",
            api_version="admissionregistration.k8s.io/v1",
            kind="MutatingAdmissionPolicyBinding",
            metadata=metadata,
            spec={"policyName": metadata["name"]},
            opts=ResourceOptions(parent=self, depends_on=[policy]),
        )
