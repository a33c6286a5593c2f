"""The KServe controller in Standard mode: definitions, webhooks and settings, behind our own certificate."""

import json
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.connections import GatewayConnection
from components.shapes import (
    network_policies,
    pod_inputs,
    pod_security,
    replicated_server,
    server_pods,
    webhook_server,
)
from components.shapes.access_rights import AccessRights
from components.shapes.labels import labels, selector
from components.shapes.webhook_server import WebhookServer
from components.versions import upstream_version

WEBHOOK_SERVICE = "kserve-webhook-server-service"
METRICS_PORT = 8080
_ACCOUNT = "kserve-controller-manager"
# The controller finds both by these names.
_SETTINGS = "inferenceservice-config"
_CERTIFICATE = "kserve-webhook-server-cert"
_CERTIFICATE_FOLDER = "/tmp/k8s-webhook-server/serving-certs"
_HEALTH_PORT = 8081
_PROJECT = "kserve"
_MODULE = "github.com/kserve/kserve"
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
    return webhook_server.host(WEBHOOK_SERVICE, namespace)


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
    found = manifests.load(_PROJECT, _MODULE, "config/webhook/manifests.yaml")
    for each in found:
        for webhook in each["webhooks"]:
            webhook_server.call(webhook, service=WEBHOOK_SERVICE, namespace=namespace, ca=ca)
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
        server = WebhookServer(
            component=name,
            namespace=args.namespace,
            labels=self._labels,
            selector=self._selector,
            parent=self,
        )
        certificate = server.certificate(_CERTIFICATE, args.webhook_certificate, args.webhook_key)
        policy = server.network_policy(args.scrapers, METRICS_PORT)
        controller = self._controller([definitions, *self._rights(), self._settings(), certificate, policy])
        server.configurations(
            webhooks,
            args.webhook_ca,
            lambda configuration, role: f"{name}-{configuration.split('.')[0]}-{role}",
            after=[controller, server.service(WEBHOOK_SERVICE)],
        )
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
        manager_rules = manifests.find(upstream, "ClusterRole", "kserve-manager-role")["rules"]
        leader_rules = manifests.find(upstream, "Role", "kserve-leader-election-role")["rules"]
        leader_name = f"{self._name}-leader-election"
        access = AccessRights(
            component=self._name,
            account=_ACCOUNT,
            namespace=self._args.namespace,
            labels=self._labels,
            parent=self,
        )
        return [
            access.service_account(),
            access.in_cluster(manager_rules, name=self._name),
            access.in_namespace(leader_rules, name=leader_name, resource=leader_name),
        ]

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

    def _controller(self, after: list[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        container = server_pods.container(
            "manager",
            self._args.image,
            ["/manager", "--leader-elect"],
            env=[
                {"name": "POD_NAMESPACE", "value_from": {"field_ref": {"field_path": "metadata.namespace"}}},
                *pod_inputs.plain_env({"SECRET_NAME": _CERTIFICATE}),
            ],
            ports={"webhook": webhook_server.PORT, "metrics": METRICS_PORT, "health": _HEALTH_PORT},
            mounts={"certificate": _CERTIFICATE_FOLDER},
            probe=pod_security.http_probe("/readyz", _HEALTH_PORT, period_seconds=5, failures=3),
            resources=pod_security.sizes(cpu="50m", memory="128Mi", memory_limit="512Mi"),
        )
        container["startup_probe"] = webhook_server.startup_probe()
        spec = server_pods.deployment(
            selector=self._selector,
            labels=self._labels,
            container=container,
            volumes=[{"name": "certificate", "secret": {"secret_name": _CERTIFICATE}}],
            service_account=_ACCOUNT,
        )
        # A leader is elected, and a gap would be felt: without webhooks no pod of a model starts.
        return replicated_server.deploy(
            self._name,
            role="manager",
            metadata=self._metadata(_ACCOUNT),
            spec=spec,
            replicas=self._args.replicas,
            parent=self,
            after=after,
        )
