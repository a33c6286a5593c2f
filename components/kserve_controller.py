"""The KServe controller in Standard mode: definitions, webhooks and settings, behind our own certificate."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests, network_policies, pod_inputs, pod_security, server_pods
from components.connections import GatewayConnection
from components.labels import labels, selector
from components.versions import upstream_version

WEBHOOK_SERVICE = "kserve-webhook-server-service"
METRICS_PORT = 8080
_ACCOUNT = "kserve-controller-manager"
# The controller finds both by these names.
_SETTINGS = "inferenceservice-config"
_CERTIFICATE = "kserve-webhook-server-cert"
_CERTIFICATE_FOLDER = "/tmp/k8s-webhook-server/serving-certs"
_HEALTH_PORT = 8081
_WEBHOOK_PORT = 9443
_PROJECT = "kserve"
_MODULE = "github.com/kserve/kserve"
_RBAC = "rbac.authorization.k8s.io"
# Without any one of these the controller exits or InferenceServices cannot be made or deleted, though its own
# readiness says otherwise.
_DEFINITIONS = (
    "config/crd/full/serving.kserve.io_*.yaml",
    "config/crd/full/clusterstoragecontainer/serving.kserve.io_*.yaml",
)
# spec, predictor, model and the names in it.
_SCHEMA_LEVELS = 4


@dataclass(frozen=True, kw_only=True)
class KserveControllerArgs:
    """What the controller needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace."""
    image: pulumi.Input[str]
    """The controller."""
    storage_initializer_image: str
    """What copies a model into its pod."""
    gateway: GatewayConnection
    """Where models are published."""
    webhook_ca: pulumi.Input[str]
    """Certificate authority of the webhooks, as PEM."""
    webhook_certificate: pulumi.Input[str]
    """Certificate for `webhook_host(namespace)`, as PEM."""
    webhook_key: pulumi.Input[str]
    """The certificate's key, as PEM."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Who may read the metrics."""
    replicas: int = 1
    """One leads, all answer webhooks: without a webhook no pod of a model starts."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse a controller that would not run."""
        if self.replicas < 1:
            raise ValueError(f"replicas: {self.replicas}; give at least 1")


def definitions() -> list[manifests.Manifest]:
    """Return the custom resources' definitions, with schemas as deep as the names that people write."""
    found = manifests.load(_PROJECT, _MODULE, *_DEFINITIONS)
    for each in found:
        for version in each["spec"]["versions"]:
            schema = version["schema"]
            schema["openAPIV3Schema"] = manifests.outline(schema["openAPIV3Schema"], _SCHEMA_LEVELS)
    return found


def webhook_host(namespace: str) -> str:
    """Return the host name that the webhooks' certificate must be for."""
    return f"{WEBHOOK_SERVICE}.{namespace}.svc"


def settings(*, gateway: str, domain: str, storage_initializer_image: str, version: str) -> dict[str, str]:
    """Return the data of the controller's ConfigMap.

    Args:
        gateway: namespace/name of the Gateway.
        domain: below which models get a host each.
        storage_initializer_image: what copies models.
        version: of KServe.
    """
    sizes = {"cpuRequest": "10m", "cpuLimit": "1", "memoryRequest": "64Mi", "memoryLimit": "512Mi"}
    # Never started here, but every pod of a model is refused when one of the three lacks its sizes.
    agent = {"image": f"docker.io/kserve/agent:{version}", **sizes}
    sections: dict[str, Any] = {
        "agent": agent,
        "batcher": {**agent, "maxBatchSize": "32", "maxLatency": "5000"},
        "logger": {**agent, "defaultUrl": "http://default-broker"},
        "credentials": {
            "storageSecretNameAnnotation": "serving.kserve.io/storageSecretName",
            "storageSpecSecretName": "storage-config",
            "s3": {
                "s3AccessKeyIDName": "AWS_ACCESS_KEY_ID",
                "s3SecretAccessKeyName": "AWS_SECRET_ACCESS_KEY",
            },
        },
        "deploy": {
            "defaultDeploymentMode": "Standard",
            # Percentages: KServe refuses whole numbers here.
            "deploymentRolloutStrategy": {"defaultRollout": {"maxSurge": "25%", "maxUnavailable": "0%"}},
        },
        # Empty texts unset upstream's default of a whole CPU and 2 GiB for every model.
        "inferenceService": {
            "resource": {"cpuLimit": "", "memoryLimit": "", "cpuRequest": "", "memoryRequest": ""}
        },
        "ingress": {
            "enableGatewayApi": True,
            "kserveIngressGateway": gateway,
            # Unused in Standard mode, yet empty it ends the controller.
            "ingressGateway": "unused/unused",
            "ingressDomain": domain,
            "domainTemplate": "{{ .Name }}-{{ .Namespace }}.{{ .IngressDomain }}",
            "urlScheme": "http",
            "disableIstioVirtualHost": True,
            # Traefik lists timeouts of routes as unsupported.
            "disableHTTPRouteTimeout": True,
        },
        "security": {"autoMountServiceAccountToken": False},
        "storageInitializer": {"image": storage_initializer_image, "enableModelcar": False, **sizes},
    }
    return {name: json.dumps(section, sort_keys=True) for name, section in sections.items()}


def webhooks(namespace: str, ca: str) -> dict[str, list[dict[str, Any]]]:
    """Return upstream's webhooks by "kind name", calling our Service and trusting our authority."""
    trusted = base64.b64encode(ca.encode()).decode()
    found = manifests.load(_PROJECT, _MODULE, "config/webhook/manifests.yaml")
    for each in found:
        for webhook in each["webhooks"]:
            webhook["clientConfig"]["caBundle"] = trusted
            webhook["clientConfig"]["service"].update(name=WEBHOOK_SERVICE, namespace=namespace)
    return {f"{each['kind']} {each['metadata']['name']}": each["webhooks"] for each in found}


class KserveController(pulumi.ComponentResource):
    """The controller, its definitions and its webhooks."""

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: KserveControllerArgs, opts: ResourceOptions | None = None) -> None:
        version = upstream_version(_PROJECT, _MODULE)
        super().__init__("plinth:index:KserveController", name, {"version": version}, opts)
        self._name = name
        self._args = args
        self._release = version
        self._child = ResourceOptions(parent=self)
        self._labels = {**labels("kserve", name, "controller", version=version), **args.extra_labels}
        self._selector = {**selector("kserve", name), "app.kubernetes.io/component": "controller"}
        definitions = self._definitions()
        needed = [*self._rights(), self._settings(), self._certificate(), self._network_policy()]
        controller = self._controller([definitions, *needed])
        self._webhooks([controller, self._service()])
        # Taken from the controller, so that what it minds is made after it.
        self.namespace = controller.metadata["namespace"]
        self.register_outputs({"namespace": self.namespace})

    def _metadata(self, object_name: str) -> kubernetes.meta.v1.ObjectMetaArgsDict:
        return {"name": object_name, "namespace": self._args.namespace, "labels": self._labels}

    def _definitions(self) -> kubernetes.yaml.v2.ConfigGroup:
        own = labels("kserve", self._name, "definitions", version=self._release)
        return kubernetes.yaml.v2.ConfigGroup(
            f"{self._name}-definitions",
            yaml=manifests.render(manifests.labelled(definitions(), {**own, **self._args.extra_labels})),
            opts=self._child,
        )

    def _rights(self) -> list[pulumi.Resource]:
        files = ("role.yaml", "leader_election_role.yaml")
        upstream = manifests.load(_PROJECT, _MODULE, *(f"config/rbac/{file}" for file in files))
        cluster_wide: kubernetes.meta.v1.ObjectMetaArgsDict = {"name": self._name, "labels": self._labels}
        account: kubernetes.rbac.v1.SubjectArgsDict = {
            "kind": "ServiceAccount",
            "name": _ACCOUNT,
            "namespace": self._args.namespace,
        }
        service_account = kubernetes.core.v1.ServiceAccount(
            f"{self._name}-account",
            metadata=self._metadata(_ACCOUNT),
            automount_service_account_token=False,
            opts=self._child,
        )
        role = kubernetes.rbac.v1.ClusterRole(
            f"{self._name}-role",
            metadata=cluster_wide,
            rules=manifests.find(upstream, "ClusterRole", "kserve-manager-role")["rules"],
            opts=self._child,
        )
        binding = kubernetes.rbac.v1.ClusterRoleBinding(
            f"{self._name}-binding",
            metadata=cluster_wide,
            role_ref={"api_group": _RBAC, "kind": "ClusterRole", "name": self._name},
            subjects=[account],
            opts=ResourceOptions(parent=self, depends_on=[role]),
        )
        leader = f"{self._name}-leader-election"
        leader_role = kubernetes.rbac.v1.Role(
            f"{leader}-role",
            metadata=self._metadata(leader),
            rules=manifests.find(upstream, "Role", "kserve-leader-election-role")["rules"],
            opts=self._child,
        )
        leader_binding = kubernetes.rbac.v1.RoleBinding(
            f"{leader}-binding",
            metadata=self._metadata(leader),
            role_ref={"api_group": _RBAC, "kind": "Role", "name": leader},
            subjects=[account],
            opts=ResourceOptions(parent=self, depends_on=[leader_role]),
        )
        return [service_account, binding, leader_binding]

    def _settings(self) -> kubernetes.core.v1.ConfigMap:
        args = self._args
        # The Gateway's name is known when it serves: routes are defined before the controller looks for them.
        data = pulumi.Output.all(args.gateway.namespace, args.gateway.name).apply(
            lambda known: settings(
                gateway=f"{known[0]}/{known[1]}",
                domain=args.gateway.domain,
                storage_initializer_image=args.storage_initializer_image,
                version=self._release,
            )
        )
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-settings", metadata=self._metadata(_SETTINGS), data=data, opts=self._child
        )

    def _certificate(self) -> kubernetes.core.v1.Secret:
        return kubernetes.core.v1.Secret(
            f"{self._name}-certificate",
            metadata=self._metadata(_CERTIFICATE),
            type="kubernetes.io/tls",
            string_data={
                "tls.crt": self._args.webhook_certificate,
                "tls.key": pulumi.Output.secret(self._args.webhook_key),
            },
            opts=self._child,
        )

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        args = self._args
        metrics = [network_policies.ingress(args.scrapers, METRICS_PORT)] if args.scrapers else []
        # The API server calls from outside the pods' network: it has no labels to name.
        webhook = network_policies.ingress([network_policies.anywhere()], _WEBHOOK_PORT)
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._metadata("controller"),
            spec=network_policies.exception(
                self._selector, incoming=[webhook, *metrics], outgoing=[network_policies.api_server()]
            ),
            opts=self._child,
        )

    def _controller(self, after: list[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        container = server_pods.container(
            "manager",
            self._args.image,
            ["/manager", "--leader-elect"],
            env=[
                {"name": "POD_NAMESPACE", "value_from": {"field_ref": {"field_path": "metadata.namespace"}}},
                *pod_inputs.plain_env({"SECRET_NAME": _CERTIFICATE}),
            ],
            ports={"webhook": _WEBHOOK_PORT, "metrics": METRICS_PORT, "health": _HEALTH_PORT},
            mounts={"certificate": _CERTIFICATE_FOLDER},
            probe=pod_security.http_probe("/readyz", _HEALTH_PORT, period_seconds=5, failures=3),
            resources=pod_security.sizes(cpu="50m", memory="128Mi", memory_limit="512Mi"),
        )
        # Its health answers before its webhooks do, and what is made next needs those.
        container["startup_probe"] = {
            "tcp_socket": {"port": _WEBHOOK_PORT},
            "period_seconds": 1,
            "failure_threshold": 120,
        }
        spec = server_pods.deployment(
            selector=self._selector,
            labels=self._labels,
            container=container,
            volumes=[{"name": "certificate", "secret": {"secret_name": _CERTIFICATE}}],
            service_account=_ACCOUNT,
        )
        spec["replicas"] = self._args.replicas
        # A leader is elected, and a gap would be felt: without webhooks no pod of a model starts.
        spec["strategy"] = {
            "type": "RollingUpdate",
            "rolling_update": {"max_surge": 1, "max_unavailable": 0},
        }
        if self._args.replicas > 1:
            kubernetes.policy.v1.PodDisruptionBudget(
                f"{self._name}-disruption-budget",
                metadata=self._metadata(_ACCOUNT),
                spec={"max_unavailable": 1, "selector": {"match_labels": self._selector}},
                opts=self._child,
            )
        return kubernetes.apps.v1.Deployment(
            f"{self._name}-manager",
            metadata=self._metadata(_ACCOUNT),
            spec=spec,
            opts=ResourceOptions(parent=self, depends_on=after),
        )

    def _service(self) -> kubernetes.core.v1.Service:
        return kubernetes.core.v1.Service(
            f"{self._name}-webhook-service",
            metadata=self._metadata(WEBHOOK_SERVICE),
            spec={
                "selector": self._selector,
                "ports": [{"name": "webhook", "port": 443, "target_port": _WEBHOOK_PORT}],
            },
            opts=self._child,
        )

    def _webhooks(self, after: list[pulumi.Resource]) -> None:
        kinds: dict[str, Any] = {
            "MutatingWebhookConfiguration": kubernetes.admissionregistration.v1.MutatingWebhookConfiguration,
            "ValidatingWebhookConfiguration": (
                kubernetes.admissionregistration.v1.ValidatingWebhookConfiguration
            ),
        }
        known = pulumi.Output.all(self._args.namespace, self._args.webhook_ca)
        for key in webhooks("", ""):
            kind, object_name = key.split()
            role = "defaults" if kind.startswith("Mutating") else "checks"
            kinds[kind](
                f"{self._name}-{object_name.split('.')[0]}-{role}",
                metadata={"name": object_name, "labels": self._labels},
                webhooks=known.apply(lambda pair, key=key: webhooks(pair[0], pair[1])[key]),
                opts=ResourceOptions(parent=self, depends_on=after),
            )
