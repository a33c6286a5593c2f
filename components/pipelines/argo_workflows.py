"""The Argo Workflows controller of one namespace: it turns each pipeline run into pods."""

import json
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.connections import ObjectStoreConnection
from components.shapes import network_policies, pod_inputs, pod_security, server_pods
from components.shapes.labels import labels, selector
from components.versions import upstream_version

# The controller reads its settings from a ConfigMap that it finds by this name.
_SETTINGS = "workflow-controller-configmap"
_ACCOUNT = "argo"
METRICS_PORT = 9090
_HEALTH_PORT = 6060
_PROJECT = "argo-workflows"
_MODULE = "github.com/argoproj/argo-workflows/v3"


@dataclass(frozen=True, kw_only=True)
class ArgoWorkflowsArgs:
    """What the controller needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace; the controller sees no other."""
    image: str
    """The workflow controller."""
    executor_image: str
    """What Argo puts beside every step."""
    artifacts: ObjectStoreConnection
    """Where the logs of steps are kept."""
    artifacts_secret: pulumi.Input[str]
    """Secret of the namespace with the keys `accesskey` and `secretkey`; unused without keys."""
    log_prefix: str = "artifacts"
    """Logs lie at `<prefix>/<workflow>/<pod>/main.log`."""
    workflow_ttl_seconds: int = 86400
    """How long a finished workflow and its pods can be looked at."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Who may read the metrics."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse to delete workflows before anyone could read how they ended."""
        if self.workflow_ttl_seconds < 60:
            raise ValueError(f"workflow_ttl_seconds: {self.workflow_ttl_seconds}; give at least 60")


def settings(
    *, endpoint: str, secret: str, artifacts: ObjectStoreConnection, log_prefix: str, ttl_seconds: int
) -> dict[str, str]:
    """Return the data of the controller's ConfigMap.

    Steps are closed down as far as unknown programs allow: their root file system stays writable.
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
        # The API server looks for a step's log at exactly this place.
        "keyFormat": f"{log_prefix}/{{{{workflow.name}}}}/{{{{pod.name}}}}",
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
        # Without encryption, as all metrics in the cluster: network policies say who reads them.
        "metricsConfig": {"enabled": True, "port": METRICS_PORT, "secure": False},
        "mainContainer": {"imagePullPolicy": "IfNotPresent", "securityContext": restricted},
        "workflowDefaults": {"spec": {"ttlStrategy": {"secondsAfterCompletion": ttl_seconds}}},
    }
    return {name: json.dumps(section, sort_keys=True) for name, section in sections.items()}


class ArgoWorkflows(pulumi.ComponentResource):
    """One workflow controller and the definitions of its custom resources."""

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: ArgoWorkflowsArgs, opts: ResourceOptions | None = None) -> None:
        version = upstream_version(_PROJECT, _MODULE)
        super().__init__("plinth:index:ArgoWorkflows", name, {"version": version}, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._labels = {**labels("argo-workflows", name, "controller", version=version), **args.extra_labels}
        self._selector = {**selector("argo-workflows", name), "app.kubernetes.io/component": "controller"}
        definitions = self._definitions()
        rights = self._rights()
        controller = self._controller([definitions, *rights, self._settings(), self._network_policy()])
        # Taken from the controller, so that no workflow is made before someone minds it.
        self.namespace = controller.metadata["namespace"]
        self.register_outputs({"namespace": self.namespace})

    def _metadata(self, object_name: str) -> kubernetes.meta.v1.ObjectMetaArgsDict:
        return {"name": object_name, "namespace": self._args.namespace, "labels": self._labels}

    def _definitions(self) -> kubernetes.yaml.v2.ConfigGroup:
        # The full definitions weigh megabytes and add validation that KFP does not need.
        found = manifests.load(_PROJECT, _MODULE, "manifests/base/crds/minimal/argoproj.io_*.yaml")
        own = labels("argo-workflows", self._name, "definitions")
        return kubernetes.yaml.v2.ConfigGroup(
            f"{self._name}-definitions",
            yaml=manifests.render(manifests.labelled(found, {**own, **self._args.extra_labels})),
            opts=self._child,
        )

    def _rights(self) -> list[pulumi.Resource]:
        role_file = "manifests/namespace-install/workflow-controller-rbac/workflow-controller-role.yaml"
        upstream = manifests.load(_PROJECT, _MODULE, role_file)
        account = kubernetes.core.v1.ServiceAccount(
            f"{self._name}-account", metadata=self._metadata(_ACCOUNT), opts=self._child
        )
        role = kubernetes.rbac.v1.Role(
            f"{self._name}-role",
            metadata=self._metadata("argo-role"),
            rules=manifests.find(upstream, "Role", "argo-role")["rules"],
            opts=self._child,
        )
        binding = kubernetes.rbac.v1.RoleBinding(
            f"{self._name}-binding",
            metadata=self._metadata("argo-binding"),
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": "argo-role"},
            subjects=[{"kind": "ServiceAccount", "name": _ACCOUNT, "namespace": self._args.namespace}],
            opts=ResourceOptions(parent=self, depends_on=[role]),
        )
        return [account, binding]

    def _settings(self) -> kubernetes.core.v1.ConfigMap:
        args = self._args
        data = pulumi.Output.all(endpoint=args.artifacts.endpoint, secret=args.artifacts_secret).apply(
            lambda known: settings(
                endpoint=known["endpoint"],
                secret=known["secret"],
                artifacts=args.artifacts,
                log_prefix=args.log_prefix,
                ttl_seconds=args.workflow_ttl_seconds,
            )
        )
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-settings", metadata=self._metadata(_SETTINGS), data=data, opts=self._child
        )

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        scrapers = self._args.scrapers
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._metadata("workflow-controller"),
            spec=network_policies.exception(
                self._selector,
                incoming=[network_policies.ingress(scrapers, METRICS_PORT)] if scrapers else [],
                outgoing=[network_policies.api_server()],
            ),
            opts=self._child,
        )

    def _controller(self, after: list[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        priority = kubernetes.scheduling.v1.PriorityClass(
            f"{self._name}-priority",
            metadata={"name": "workflow-controller", "labels": self._labels},
            # Without the controller no run goes on: it outranks the steps that it starts.
            value=1_000_000,
            opts=self._child,
        )
        container = server_pods.container(
            "workflow-controller",
            self._args.image,
            [
                "workflow-controller",
                f"--configmap={_SETTINGS}",
                f"--executor-image={self._args.executor_image}",
                "--executor-image-pull-policy=IfNotPresent",
                "--namespaced",
            ],
            env=pod_inputs.plain_env(
                {
                    # The default of 10 s is what every step of every run would wait for.
                    "DEFAULT_REQUEUE_TIME": "1s",
                    "LEADER_ELECTION_DISABLE": "true",
                }
            ),
            ports={"health": _HEALTH_PORT, "metrics": METRICS_PORT},
            probe=pod_security.http_probe("/healthz", _HEALTH_PORT, period_seconds=5, failures=3),
            resources=pod_security.sizes(cpu="100m", memory="128Mi", memory_limit="512Mi"),
        )
        return kubernetes.apps.v1.Deployment(
            f"{self._name}-controller",
            metadata=self._metadata("workflow-controller"),
            spec=server_pods.deployment(
                selector=self._selector,
                labels=self._labels,
                container=container,
                service_account=_ACCOUNT,
                priority_class="workflow-controller",
            ),
            opts=ResourceOptions(parent=self, depends_on=[priority, *after]),
        )
