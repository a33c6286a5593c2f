"""What pipeline steps need in the namespace of runs: account, rights, settings and network access."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import ObjectStoreConnection
from components.pipelines import step_limits
from components.pipelines.step_limits import DefaultLimits
from components.shapes import admission, network_policies
from components.shapes.access_rights import AccessRights
from components.shapes.labels import labels
from components.shapes.owner import Owner
from workloads.contract import OBJECT_STORE_SECRET, ROLLOUT_API, ROLLOUTS, STEP_ENVIRONMENT

POD_LABELS: Final[Mapping[str, str]] = {"pipelines.kubeflow.org/v2_component": "true"}
"""KFP labels the pods of its runs with it, drivers included."""
# KFP looks each of these up by its name.
ACCOUNT = "pipeline-runner"
_LAUNCHER_SETTINGS = "kfp-launcher"
_METADATA_SETTINGS = "metadata-grpc-configmap"


@dataclass(frozen=True, kw_only=True)
class PipelineStepsArgs:
    """Inputs of `PipelineSteps`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    artifacts: ObjectStoreConnection
    """Bucket that steps write artifacts to."""
    metadata_service: pulumi.Input[str]
    """Host name of the metadata store."""
    metadata_port: int
    """Port of the metadata store."""
    environment: Mapping[str, pulumi.Input[str]]
    """Data of the ConfigMap from which steps take environment variables."""
    destinations: tuple[network_policies.EgressRule, ...]
    """Where steps may connect to, in addition to DNS and the Kubernetes API."""
    api_server: network_policies.EgressRule = field(default_factory=network_policies.api_server)
    """The way to the Kubernetes API, to which every step reports; by default to its ports anywhere."""
    models_namespace: pulumi.Input[str] | None = None
    """Namespace in which steps may deploy inference services, if any."""

    limits: DefaultLimits = field(default_factory=DefaultLimits)
    """What a step may use that sets no limit."""

    def __post_init__(self) -> None:
        """Reject steps that could not report to the platform."""
        if not self.destinations:
            raise ValueError(
                "destinations: none given; steps need the pipelines API, metadata and object stores"
            )


def launcher_settings(endpoint: str, artifacts: ObjectStoreConnection) -> dict[str, str]:
    """Return the data of the launcher's ConfigMap.

    Without `providers` the launcher signs for a region named `minio`, which other S3 stores reject.
    """
    secret = {"secretName": OBJECT_STORE_SECRET, "accessKeyKey": "accesskey", "secretKeyKey": "secretkey"}
    default: dict[str, Any] = {
        "endpoint": endpoint,
        "region": artifacts.region,
        "disableSSL": not artifacts.secure,
        "forcePathStyle": True,
        # With `fromEnv` the launcher also takes the region from the environment, and AWS's own endpoint.
        "credentials": {"fromEnv": True} if artifacts.keyless else {"fromEnv": False, "secretRef": secret},
    }
    return {
        "defaultPipelineRoot": f"s3://{artifacts.bucket}/v2/artifacts",
        "providers": json.dumps({"s3": {"default": default}}, sort_keys=True),
    }


def launcher_policy(namespace: str) -> dict[str, Any]:
    """Return the admission policy that gives KFP's launcher container the restricted security context.

    KFP 2.14 sets none and has no setting for it; Argo's settings apply to all containers but this one.
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
            **admission.created_pods_in(namespace),
            "objectSelector": {"matchLabels": POD_LABELS},
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
    """The account that steps run as, and the objects that they look up by a fixed name."""

    namespace: pulumi.Output[str]
    settings: list[pulumi.CustomResource]
    """The objects with the platform's endpoints and keys; they resolve once every endpoint exists."""

    def __init__(self, name: str, args: PipelineStepsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:PipelineSteps", name, {"environment": sorted(args.environment)}, opts)
        self._name = name
        self._args = args
        self._owner = Owner(
            component=name,
            namespace=args.namespace,
            labels=labels("kubeflow-pipelines", name, "steps"),
            selector=POD_LABELS,
            parent=self,
        )
        account = kubernetes.core.v1.ServiceAccount(
            f"{name}-account", metadata=self._owner.metadata(ACCOUNT), opts=self._owner.child()
        )
        self._access = AccessRights(owner=self._owner, account=ACCOUNT)
        self._runner_rights()
        if args.models_namespace is not None:
            self._deploy_rights(args.models_namespace)
        self.settings = [self._secret(), *self._config_maps()]
        step_limits.deploy(self._owner, args.limits)
        self._network_policy()
        self._launcher_policy()
        self.namespace = account.metadata["namespace"]
        self.register_outputs({"namespace": self.namespace})

    def _runner_rights(self) -> None:
        # Upstream's role may do nearly anything in the namespace; these are all the calls that runs make.
        keys: kubernetes.rbac.v1.PolicyRuleArgsDict = {
            "api_groups": [""],
            "resources": ["secrets"],
            "resource_names": [OBJECT_STORE_SECRET],
            "verbs": ["get"],
        }
        self._access.in_namespace(
            [
                *([] if self._args.artifacts.keyless else [keys]),
                {
                    "api_groups": [""],
                    "resources": ["configmaps"],
                    "resource_names": [_LAUNCHER_SETTINGS],
                    "verbs": ["get"],
                },
                {"api_groups": [""], "resources": ["pods"], "verbs": ["get"]},
                # The tasks CreatePVC and DeletePVC of kfp-kubernetes.
                {
                    "api_groups": [""],
                    "resources": ["persistentvolumeclaims"],
                    "verbs": ["get", "create", "delete"],
                },
                {
                    "api_groups": ["argoproj.io"],
                    "resources": ["workflowtaskresults"],
                    "verbs": ["create", "patch"],
                },
            ],
            name=ACCOUNT,
            resource=f"{self._name}-runner",
        )

    def _deploy_rights(self, namespace: pulumi.Input[str]) -> None:
        self._access.elsewhere(namespace).in_namespace(
            [
                {
                    "api_groups": ["serving.kserve.io"],
                    "resources": ["inferenceservices"],
                    "verbs": ["get", "list", "watch", "create", "patch", "delete"],
                },
                # Whatever else a rollout needs, its controller does.
                {
                    "api_groups": [ROLLOUT_API[0]],
                    "resources": [ROLLOUTS],
                    "verbs": ["get", "create"],
                },
                # The status of an inference service does not name its generation; its pods do.
                {"api_groups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
            ],
            name="pipeline-deploy",
            resource=f"{self._name}-deploy",
        )

    def _secret(self) -> kubernetes.core.v1.Secret:
        artifacts = self._args.artifacts
        return kubernetes.core.v1.Secret(
            f"{self._name}-artifacts",
            metadata=self._owner.metadata(OBJECT_STORE_SECRET),
            # Empty without keys: pipelines refer to it, and SDKs then fall back on the pod's identity.
            string_data={
                "accesskey": pulumi.Output.secret(artifacts.access_key or ""),
                "secretkey": pulumi.Output.secret(artifacts.secret_key or ""),
            },
            opts=self._owner.child(),
        )

    def _config_maps(self) -> list[kubernetes.core.v1.ConfigMap]:
        artifacts = self._args.artifacts
        endpoint = pulumi.Output.from_input(artifacts.endpoint)
        data: dict[str, pulumi.Input[Mapping[str, pulumi.Input[str]]]] = {
            _LAUNCHER_SETTINGS: endpoint.apply(lambda known: launcher_settings(known, artifacts)),
            # Upstream marks it optional, but without it the launcher of this release panics.
            _METADATA_SETTINGS: {
                "METADATA_GRPC_SERVICE_HOST": self._args.metadata_service,
                "METADATA_GRPC_SERVICE_PORT": str(self._args.metadata_port),
            },
            STEP_ENVIRONMENT: self._args.environment,
        }
        return [
            kubernetes.core.v1.ConfigMap(
                f"{self._name}-{object_name}",
                metadata=self._owner.metadata(object_name),
                data=values,
                opts=self._owner.child(),
            )
            for object_name, values in data.items()
        ]

    def _network_policy(self) -> None:
        kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._owner.metadata("pipeline-steps"),
            spec=network_policies.exception(
                self._owner.selector, outgoing=[self._args.api_server, *self._args.destinations]
            ),
            opts=self._owner.child(),
        )

    def _launcher_policy(self) -> None:
        spec = pulumi.Output.from_input(self._args.namespace).apply(launcher_policy)
        admission.deploy(self._owner, "Mutating", f"{self._name}-launcher-security", spec)
