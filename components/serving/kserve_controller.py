"""The KServe controller in Standard mode: definitions, settings, and webhooks with our own certificate."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.core import v1

from components import manifests
from components.connections import GatewayConnection
from components.shapes import (
    access_rights,
    controller,
    network_policies,
    pod_inputs,
    pod_security,
    replicated_server,
    server_pods,
    webhook_server,
)
from components.shapes.controller import Controller, Grant, Rights, Settings
from components.shapes.labels import COMPONENT, NAME, labels
from components.shapes.owner import Owner
from components.shapes.server_certificate import ServerCertificate
from components.shapes.server_pods import TMP, Mount
from components.shapes.webhook_server import WebhookServer
from components.versions import upstream_version

WEBHOOK_SERVICE = "kserve-webhook-server-service"
METRICS_PORT = 8080
POD_LABELS: Final[Mapping[str, str]] = {NAME: "kserve", COMPONENT: "controller"}
ACCOUNT = "kserve-controller-manager"
# The controller finds both by these names.
_SETTINGS = "inferenceservice-config"
_CERTIFICATE = "kserve-webhook-server-cert"
_CERTIFICATE_FOLDER = "/tmp/k8s-webhook-server/serving-certs"
_HEALTH_PORT = 8081
_PROJECT = "kserve"
_MODULE = "github.com/kserve/kserve"
_RIGHTS = "config/rbac"
# The stack registers its webhooks.
_NEEDLESS = ("*.admissionregistration.k8s.io",)
# Upstream grants these everywhere; the controller reads them where models are, and nowhere else.
_CREDENTIALS = ("secrets", "serviceaccounts")
# What a model consists of: made next to its InferenceService, and watched everywhere.
_CHILDREN = (
    "deployments.apps",
    "horizontalpodautoscalers.autoscaling",
    "httproutes.gateway.networking.k8s.io",
    "ingresses.networking.k8s.io",
    "services",
)
# If one of these is missing, the controller exits, or InferenceServices can be neither created nor deleted,
# although its readiness probe succeeds.
_DEFINITIONS = (
    "config/crd/full/serving.kserve.io_*.yaml",
    "config/crd/full/clusterstoragecontainer/serving.kserve.io_*.yaml",
)
# spec, predictor, model and the fields of a model.
_SCHEMA_LEVELS = 4


@dataclass(frozen=True, kw_only=True)
class KserveControllerArgs:
    """Inputs of `KserveController`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    image: pulumi.Input[str]
    """Image of the controller."""
    storage_initializer_image: str
    """Image of the init container that copies a model into its pod."""
    gateway: GatewayConnection
    """Gateway that publishes models."""
    webhook_certificate: ServerCertificate
    """Issued for `webhook_host(namespace)`."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape the metrics."""
    replicas: int = 1
    """One leads, all serve webhooks: without a webhook no pod of a model starts."""

    def __post_init__(self) -> None:
        """Reject a controller without a pod."""
        replicated_server.check(self.replicas)


def definitions() -> list[manifests.Manifest]:
    """Return the custom resource definitions, with schemas down to the fields that users write."""
    found = manifests.load(_PROJECT, _MODULE, *_DEFINITIONS)
    for each in found:
        for version in each["spec"]["versions"]:
            schema = version["schema"]
            schema["openAPIV3Schema"] = manifests.outline(schema["openAPIV3Schema"], _SCHEMA_LEVELS)
    return found


def rights() -> tuple[list[Any], list[Any]]:
    """Return upstream's rules: first those for the cluster, then those for a namespace of models."""
    upstream = manifests.load(_PROJECT, _MODULE, f"{_RIGHTS}/role.yaml")
    rules = manifests.find(upstream, "ClusterRole", "kserve-manager-role")["rules"]
    needed, _ = access_rights.split(rules, _NEEDLESS)
    cluster, inside = access_rights.split(needed, (*_CREDENTIALS, *_CHILDREN))
    _, children = access_rights.split(inside, _CHILDREN)
    return [*cluster, *access_rights.read_only(children)], inside


def webhook_host(namespace: str) -> str:
    """Return the host name that the webhooks' certificate must be for."""
    return webhook_server.host(WEBHOOK_SERVICE, namespace)


def settings(*, gateway: str, domain: str, storage_initializer_image: str, version: str) -> dict[str, str]:
    """Return the data of the controller's ConfigMap.

    Args:
        gateway: namespace/name of the Gateway.
        domain: domain below which each model gets a host.
        storage_initializer_image: image that copies models.
        version: version of KServe.
    """
    sizes = {"cpuRequest": "10m", "cpuLimit": "1", "memoryRequest": "64Mi", "memoryLimit": "512Mi"}
    # Never started here, but every pod of a model is rejected if one of the three has no sizes.
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
            # Percentages: KServe rejects whole numbers here.
            "deploymentRolloutStrategy": {"defaultRollout": {"maxSurge": "25%", "maxUnavailable": "0%"}},
        },
        # Empty strings unset upstream's default of a whole CPU and 2 GiB for every model.
        "inferenceService": {
            "resource": {"cpuLimit": "", "memoryLimit": "", "cpuRequest": "", "memoryRequest": ""}
        },
        "ingress": {
            "enableGatewayApi": True,
            "kserveIngressGateway": gateway,
            # Unused in Standard mode, but the controller exits if it is empty.
            "ingressGateway": "unused/unused",
            "ingressDomain": domain,
            "domainTemplate": "{{ .Name }}-{{ .Namespace }}.{{ .IngressDomain }}",
            "urlScheme": "http",
            "disableIstioVirtualHost": True,
            # Traefik does not support timeouts of routes.
            "disableHTTPRouteTimeout": True,
        },
        "security": {"autoMountServiceAccountToken": False},
        "storageInitializer": {"image": storage_initializer_image, "enableModelcar": False, **sizes},
    }
    return {name: json.dumps(section, sort_keys=True) for name, section in sections.items()}


def webhooks(namespace: str, ca: str) -> dict[str, list[dict[str, Any]]]:
    """Return upstream's webhooks by "kind name", pointed at our Service and certificate authority."""
    found = manifests.load(_PROJECT, _MODULE, "config/webhook/manifests.yaml")
    for each in found:
        for webhook in each["webhooks"]:
            webhook_server.call(webhook, service=WEBHOOK_SERVICE, namespace=namespace, ca=ca)
    return {f"{each['kind']} {each['metadata']['name']}": each["webhooks"] for each in found}


class KserveController(pulumi.ComponentResource):
    """The controller, its definitions and its webhooks."""

    def __init__(self, name: str, args: KserveControllerArgs, opts: ResourceOptions | None = None) -> None:
        version = upstream_version(_PROJECT, _MODULE)
        super().__init__("plinth:index:KserveController", name, {"version": version}, opts)
        self._name = name
        self._args = args
        self._release = version
        owner = Owner.of_product(
            self, name, args.namespace, product="kserve", role="controller", version=version, select_role=True
        )
        defined = labels("kserve", name, "definitions", version=version)
        controller.deploy(
            owner,
            Controller(
                role="manager",
                name=ACCOUNT,
                pod=self._pod(),
                policy_name="controller",
                policy=network_policies.controller(
                    owner.selector,
                    scrapers=args.scrapers,
                    metrics_port=METRICS_PORT,
                    webhook_port=webhook_server.PORT,
                ),
                definitions=manifests.labelled(definitions(), defined),
                rights=self._rights(),
                settings=self._settings(),
                webhooks=self._webhooks(),
                replicas=args.replicas,
            ),
        )
        self.register_outputs({})

    def _rights(self) -> Rights:
        upstream = manifests.load(_PROJECT, _MODULE, f"{_RIGHTS}/leader_election_role.yaml")
        leader_rules = manifests.find(upstream, "Role", "kserve-leader-election-role")["rules"]
        leader_name = f"{self._name}-leader-election"
        return Rights(
            account=ACCOUNT,
            cluster=Grant(rules=rights()[0], name=self._name),
            namespace=Grant(rules=leader_rules, name=leader_name, resource=leader_name),
        )

    def _settings(self) -> Settings:
        args = self._args
        # The Gateway's name resolves once it serves: routes are defined before the controller looks for them.
        data = pulumi.Output.all(args.gateway.namespace, args.gateway.name).apply(
            lambda known: settings(
                gateway=f"{known[0]}/{known[1]}",
                domain=args.gateway.domain,
                storage_initializer_image=args.storage_initializer_image,
                version=self._release,
            )
        )
        return Settings(name=_SETTINGS, data=data)

    def _webhooks(self) -> WebhookServer:
        args = self._args
        return WebhookServer(
            service=WEBHOOK_SERVICE,
            secret=_CERTIFICATE,
            certificate=args.webhook_certificate,
            webhooks=webhooks,
            resource=lambda configuration, role: f"{configuration.split('.')[0]}-{role}",
        )

    def _pod(self) -> v1.PodSpecArgsDict:
        container = server_pods.container(
            "manager",
            self._args.image,
            ["/manager", "--leader-elect"],
            env=[
                {"name": "POD_NAMESPACE", "value_from": {"field_ref": {"field_path": "metadata.namespace"}}},
                *pod_inputs.plain_env({"SECRET_NAME": _CERTIFICATE}),
            ],
            ports={"webhook": webhook_server.PORT, "metrics": METRICS_PORT, "health": _HEALTH_PORT},
            mounts=(TMP, Mount(volume="certificate", path=_CERTIFICATE_FOLDER)),
            probe=pod_security.http_probe("/readyz", _HEALTH_PORT),
            resources=pod_security.sizes(cpu="50m", memory="128Mi", memory_limit="512Mi"),
        )
        container["startup_probe"] = webhook_server.startup_probe()
        return server_pods.pod(
            container,
            volumes=[{"name": "certificate", "secret": {"secret_name": _CERTIFICATE}}],
            service_account=ACCOUNT,
        )
