"""The Argo Workflows controller of one namespace of runs; it runs each pipeline run as pods."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.connections import ObjectStoreConnection
from components.pipelines import pipeline_steps, step_admission
from components.shapes import (
    controller,
    network_policies,
    pod_inputs,
    pod_security,
    replicated_server,
    server_pods,
)
from components.shapes.access_rights import AccessRights, split
from components.shapes.controller import Controller, Settings
from components.shapes.labels import COMPONENT, NAME, labels
from components.shapes.owner import Owner
from components.versions import upstream_version
from workloads.contract import STEP_TOKEN, TOKEN_AUDIENCE

METRICS_PORT = 9090
POD_LABELS: Final[Mapping[str, str]] = {NAME: "argo-workflows", COMPONENT: "controller"}
LOG_PREFIX = "artifacts"
"""Step logs are stored at `<prefix>/<workflow>/<pod>/main.log`, where the pipelines API server reads them."""
# The controller looks its settings up by this name.
_SETTINGS = "workflow-controller-configmap"
_ACCOUNT = "argo"
_NAME = "workflow-controller"
# Finished workflows and their pods can be inspected for a day.
_TTL_SECONDS = 86400
_HEALTH_PORT = 6060
# What is too long for a pod's arguments, such as a large component, is mounted from a ConfigMap. Upstream's
# role forgets that the controller creates it.
_LARGE_STEPS: Final[Any] = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]}
# Its own settings, and those that name further stores of artifacts, of which there are none.
_OWN_SETTINGS: Final[Any] = {
    "apiGroups": [""],
    "resources": ["configmaps"],
    "resourceNames": [_SETTINGS, "artifact-repositories"],
    "verbs": ["get", "list", "watch"],
}
_TOKEN_VOLUME = "plinth-token"  # noqa: S105
_PROJECT = "argo-workflows"
_MODULE = "github.com/argoproj/argo-workflows/v3"


@dataclass(frozen=True, kw_only=True)
class StartBounds:
    """How long a step's pod may be unable to start before the step fails."""

    start_seconds: int = 240
    """For what does not mend itself: an image, a Secret or a volume that is not there."""
    room_seconds: int = 86400
    """For what may: a node with room, a GPU, a quota that others use up."""

    def __post_init__(self) -> None:
        """Reject bounds that would fail steps which only start slowly, or of which one is pointless."""
        if self.start_seconds < 30:
            raise ValueError(f"start_seconds: {self.start_seconds} would fail slow starts; give at least 30")
        if self.room_seconds < self.start_seconds:
            raise ValueError(
                f"room_seconds: {self.room_seconds} is below start_seconds ({self.start_seconds})"
            )


@dataclass(frozen=True, kw_only=True)
class ArgoWorkflowsArgs:
    """Inputs of `ArgoWorkflows`."""

    namespace: pulumi.Input[str]
    """Namespace of the controller, which denies traffic by default."""
    runs_namespace: pulumi.Input[str]
    """Namespace of workflows and their pods, also closed; the controller sees no other."""
    image: str
    """Image of the workflow controller."""
    executor_image: str
    """Image of the side-car that Argo adds to every step."""
    artifacts: ObjectStoreConnection
    """Bucket that step logs are archived in."""
    artifacts_secret: pulumi.Input[str]
    """Secret of the namespace of runs with the keys `accesskey` and `secretkey`; unused without keys."""
    step_environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    """Variables of every step; what a pipeline sets itself has precedence."""
    step_token: bool = False
    """Whether steps get a token for the platform's login."""
    definitions: bool = True
    """Whether this is the first controller of the cluster, which defines its kinds and its priority."""
    bounds: StartBounds = field(default_factory=StartBounds)
    """How long a step may be unable to start."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape the metrics."""
    replicas: int = 1
    """Pods of the controller; several elect a leader, and another takes over within 15 s."""

    def __post_init__(self) -> None:
        """Reject a controller without a pod."""
        replicated_server.check(self.replicas)


def _token_volume() -> dict[str, Any]:
    """Return the volume with a token for the platform's login, which the kubelet renews."""
    token = {"audience": TOKEN_AUDIENCE, "expirationSeconds": 3600, "path": Path(STEP_TOKEN).name}
    return {"name": _TOKEN_VOLUME, "projected": {"sources": [{"serviceAccountToken": token}]}}


def step_patch(environment: Mapping[str, str], *, token: bool = False) -> dict[str, Any]:
    """Return what the controller adds to the pod of every step; a pipeline's own settings are merged last.

    Args:
        environment: variables of the step.
        token: whether the step gets a token for the platform's login.
    """
    mount = {"name": _TOKEN_VOLUME, "mountPath": str(Path(STEP_TOKEN).parent), "readOnly": True}
    return {
        **({"volumes": [_token_volume()]} if token else {}),
        # Volumes of a cloud's disks belong to root until a group is named.
        "securityContext": {"fsGroup": pod_security.USER},
        "containers": [
            {
                "name": "main",
                # The last lines of a failed program become the reason that workflow and API tell.
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "env": [{"name": name, "value": value} for name, value in sorted(environment.items())],
                **({"volumeMounts": [mount]} if token else {}),
            }
        ],
    }


def settings(
    *,
    endpoint: str,
    secret: str,
    artifacts: ObjectStoreConnection,
    step_environment: Mapping[str, str] | None = None,
    step_token: bool = False,
) -> dict[str, str]:
    """Return the data of the controller's ConfigMap.

    Steps are restricted as far as unknown programs allow: their root file system stays writable.
    """
    restricted: dict[str, Any] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    store: dict[str, Any] = {
        "endpoint": endpoint,
        "bucket": artifacts.bucket,
        "region": artifacts.region,
        "insecure": not artifacts.secure,
        # The API server reads step logs from exactly this place.
        "keyFormat": f"{LOG_PREFIX}/{{{{workflow.name}}}}/{{{{pod.name}}}}",
    }
    if artifacts.keyless:
        store["useSDKCreds"] = True
    else:
        store["accessKeySecret"] = {"name": secret, "key": "accesskey"}
        store["secretKeySecret"] = {"name": secret, "key": "secretkey"}
    sections: dict[str, Any] = {
        "artifactRepository": {"archiveLogs": True, "s3": store},
        "executor": {
            "imagePullPolicy": "IfNotPresent",
            "resources": {
                "requests": {"cpu": "10m", "memory": "32Mi"},
                "limits": {"memory": "256Mi"},
            },
            "securityContext": restricted,
        },
        # In clear, as all metrics in the cluster: network policies restrict who scrapes them.
        "metricsConfig": {"enabled": True, "port": METRICS_PORT, "secure": False},
        "mainContainer": {"imagePullPolicy": "IfNotPresent", "securityContext": restricted},
        "workflowDefaults": {
            "spec": {
                "podSpecPatch": json.dumps(
                    step_patch(step_environment or {}, token=step_token), sort_keys=True
                ),
                "ttlStrategy": {"secondsAfterCompletion": _TTL_SECONDS},
            }
        },
    }
    return {name: json.dumps(section, sort_keys=True) for name, section in sections.items()}


class ArgoWorkflows(pulumi.ComponentResource):
    """One workflow controller and the definitions of its custom resources."""

    runs_namespace: pulumi.Output[str]
    definitions: tuple[pulumi.Resource, ...]
    """What other controllers need of this one: the custom resources and the priority of all."""

    def __init__(self, name: str, args: ArgoWorkflowsArgs, opts: ResourceOptions | None = None) -> None:
        version = upstream_version(_PROJECT, _MODULE)
        super().__init__("plinth:index:ArgoWorkflows", name, {"version": version}, opts)
        self._args = args
        self._owner = Owner.of_product(
            self,
            name,
            args.namespace,
            product="argo-workflows",
            role="controller",
            version=version,
            select_role=True,
        )
        # The full definitions weigh megabytes and add validation that KFP does not need.
        upstream = manifests.load(_PROJECT, _MODULE, "manifests/base/crds/minimal/argoproj.io_*.yaml")
        priority = [self._priority()] if args.definitions else []
        deployed = controller.deploy(
            self._owner,
            Controller(
                role="controller",
                name=_NAME,
                pod=self._pod(),
                policy=network_policies.controller(
                    self._owner.selector, scrapers=args.scrapers, metrics_port=METRICS_PORT
                ),
                definitions=manifests.labelled(upstream, labels("argo-workflows", name, "definitions"))
                if args.definitions
                else [],
                settings=self._settings(),
                # Alone it needs no election, and so must end before its successor starts.
                replicas=args.replicas if args.replicas > 1 else None,
                # No pod of a run is created before the policy that it must obey.
                after=[
                    *priority,
                    *self._rights(),
                    *step_admission.deploy(
                        self._owner, args.runs_namespace, creator=_ACCOUNT, account=pipeline_steps.ACCOUNT
                    ),
                ],
            ),
        )
        self.definitions = (*deployed.definitions, *priority)
        # Resolved by the controller, so that no workflow is created before something reconciles it.
        self.runs_namespace = pulumi.Output.all(args.runs_namespace, deployed.deployment.id).apply(
            lambda known: str(known[0])
        )
        self.register_outputs({"runs_namespace": self.runs_namespace})

    def _rights(self) -> list[pulumi.Resource]:
        role_file = "manifests/namespace-install/workflow-controller-rbac/workflow-controller-role.yaml"
        upstream = manifests.find(manifests.load(_PROJECT, _MODULE, role_file), "Role", "argo-role")
        in_runs, own = split(upstream["rules"], ["leases.coordination.k8s.io"])
        access = AccessRights(owner=self._owner, account=_ACCOUNT)
        own_name = f"{self._owner.component}-own"
        return [
            access.service_account(),
            access.in_namespace([*own, _OWN_SETTINGS], name="argo-settings", resource=own_name),
            access.elsewhere(self._args.runs_namespace).in_namespace(
                [*in_runs, _LARGE_STEPS], name="argo-role"
            ),
        ]

    def _settings(self) -> Settings:
        artifacts = self._args.artifacts
        data = pulumi.Output.all(
            endpoint=artifacts.endpoint,
            secret=self._args.artifacts_secret,
            environment={**self._args.step_environment},
        ).apply(
            lambda known: settings(
                endpoint=known["endpoint"],
                secret=known["secret"],
                artifacts=artifacts,
                step_environment=known["environment"],
                step_token=self._args.step_token,
            )
        )
        return Settings(name=_SETTINGS, data=data)

    def _priority(self) -> kubernetes.scheduling.v1.PriorityClass:
        return kubernetes.scheduling.v1.PriorityClass(
            f"{self._owner.component}-priority",
            metadata=self._owner.cluster_metadata(_NAME),
            # Without the controller no run makes progress: it outranks the steps that it starts.
            value=1_000_000,
            opts=self._owner.child(),
        )

    def _election(self) -> kubernetes.core.v1.EnvVarArgsDict:
        if self._args.replicas == 1:
            return {"name": "LEADER_ELECTION_DISABLE", "value": "true"}
        name: kubernetes.core.v1.EnvVarSourceArgsDict = {"field_ref": {"field_path": "metadata.name"}}
        return {"name": "LEADER_ELECTION_IDENTITY", "value_from": name}

    def _pod(self) -> kubernetes.core.v1.PodSpecArgsDict:
        container = server_pods.container(
            _NAME,
            self._args.image,
            [
                "workflow-controller",
                f"--configmap={_SETTINGS}",
                f"--executor-image={self._args.executor_image}",
                "--executor-image-pull-policy=IfNotPresent",
                "--namespaced",
                pulumi.Output.concat("--managed-namespace=", self._args.runs_namespace),
            ],
            env=[
                *pod_inputs.plain_env(
                    {
                        # Every step of every run would wait for it, twice; the default is 10 s.
                        "DEFAULT_REQUEUE_TIME": "100ms",
                        # Read by upstream/argo-workflows/controller.
                        "POD_START_TIMEOUT": f"{self._args.bounds.start_seconds}s",
                        "POD_ROOM_TIMEOUT": f"{self._args.bounds.room_seconds}s",
                    }
                ),
                self._election(),
            ],
            ports={"health": _HEALTH_PORT, "metrics": METRICS_PORT},
            probe=pod_security.http_probe("/healthz", _HEALTH_PORT),
            resources=pod_security.sizes(cpu="50m", memory="128Mi", memory_limit="512Mi"),
        )
        return server_pods.pod(container, service_account=_ACCOUNT, priority_class=_NAME)
