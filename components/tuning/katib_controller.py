"""Katib's controller: definitions, settings of the service that proposes parameters, and webhooks."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.core import v1

from components import manifests
from components.shapes import (
    access_rights,
    controller,
    network_policies,
    pod_inputs,
    pod_security,
    server_pods,
    webhook_server,
)
from components.shapes.controller import Controller, Grant, Rights, Settings
from components.shapes.labels import labels
from components.shapes.owner import Owner
from components.shapes.server_certificate import ServerCertificate
from components.shapes.server_pods import TMP, Mount
from components.shapes.webhook_server import WebhookServer
from components.tuning import metric_store, trial_admission
from components.versions import upstream_version

ACCOUNT: Final = "katib-controller"
SUGGESTIONS_ACCOUNT: Final = "katib-suggestions"
"""Account of the pods that propose parameters, without a token and without a right."""
SUGGESTIONS_PORT: Final = 6789
ALGORITHMS: Final = ("random", "tpe", "cmaes", "sobol")
"""What goptuna's service proposes parameters by."""
_WEBHOOK_SERVICE = "katib-controller"
# The controller finds both by these names.
_SETTINGS = "katib-config"
_SETTINGS_FILE = "katib-config.yaml"
_CERTIFICATE_FOLDER = "/tmp/cert"
_CERTIFICATE = "katib-webhook-cert"
_SETTINGS_FOLDER = "/etc/katib"
_METRICS_PORT = 8080
_HEALTH_PORT = 18080
_PROJECT = "katib"
_MODULE = "github.com/kubeflow/katib"
_COMPONENTS = "manifests/v1beta1/components"
_GROUP = "kubeflow.org"
_OWN = ("experiments", "suggestions", "trials")
_WEBHOOKS = ("validator.experiment.katib.kubeflow.org", "defaulter.experiment.katib.kubeflow.org")
# What it makes where experiments are, and watches everywhere.
_CHILDREN = ("services", "deployments.apps", "jobs.batch")


@dataclass(frozen=True, kw_only=True)
class KatibControllerArgs:
    """Inputs of `KatibController`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    image: pulumi.Input[str]
    """Image of the controller."""
    suggestion_image: str
    """Image of goptuna's service; the controller starts one for each experiment."""
    webhook_certificate: ServerCertificate
    """Issued for `webhook_host(namespace)`."""
    after: Sequence[pulumi.Resource] = ()
    """Resources that must exist before it starts, such as the store of metrics."""


def definitions() -> list[manifests.Manifest]:
    """Return the custom resource definitions; upstream's have no schema, its webhooks check instead."""
    return manifests.load(
        _PROJECT,
        _MODULE,
        *(f"{_COMPONENTS}/crd/{each}.yaml" for each in ("experiment", "suggestion", "trial")),
    )


def _upstream_rights() -> list[Any]:
    found = manifests.load(_PROJECT, _MODULE, f"{_COMPONENTS}/controller/rbac.yaml")
    return access_rights.named_verbs(manifests.find(found, "ClusterRole", "katib-controller")["rules"])


def rights() -> list[Any]:
    """Return what the controller may do in every namespace: watch.

    Upstream also grants Secrets, roles and webhooks (for certificates of its own and for early stopping),
    volumes (for experiments that are resumed), and other kinds of trials than Jobs.
    """
    upstream = _upstream_rights()
    own = tuple(f"{each}.{_GROUP}" for each in _OWN)
    _, watched = access_rights.split(upstream, (*own, *_CHILDREN, "persistentvolumeclaims"))
    return access_rights.read_only(watched)


def namespace_rights() -> list[Any]:
    """Return what the controller may do in a namespace of experiments."""
    own = tuple(f"{each}{part}.{_GROUP}" for each in _OWN for part in ("", "/status", "/finalizers"))
    _, found = access_rights.split(_upstream_rights(), (*own, *_CHILDREN, "events"))
    return found


def settings_rights() -> list[Any]:
    """Return what the controller may do in its own namespace: read its settings."""
    return [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [_SETTINGS], "verbs": ["get"]}]


def webhook_host(namespace: str) -> str:
    """Return the host name that the webhooks' certificate must be for."""
    return webhook_server.host(_WEBHOOK_SERVICE, namespace)


def _suggestion(algorithm: str, image: str) -> dict[str, Any]:
    """Return the container that proposes parameters, as the restricted standard wants it."""
    return {
        "algorithmName": algorithm,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "serviceAccountName": SUGGESTIONS_ACCOUNT,
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi", "ephemeral-storage": "16Mi"},
            # A negative limit is none: a throttled service would be slow to start.
            "limits": {"cpu": "-1", "memory": "128Mi", "ephemeral-storage": "64Mi"},
        },
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": pod_security.USER,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        # Upstream's first probe comes after ten seconds, and the next ten seconds later.
        "readinessProbe": {"grpc": {"port": SUGGESTIONS_PORT}, "periodSeconds": 1, "failureThreshold": 120},
    }


def settings(suggestion_image: str) -> dict[str, Any]:
    """Return the controller's configuration.

    It has no collector of metrics: trials push theirs. A collector is a container that the controller puts
    into each trial's pod, where it reads the processes of the others, and for which a webhook is called for
    every pod of the namespace. An experiment that asks for one is refused when it is created.
    """
    return {
        "apiVersion": "config.kubeflow.org/v1beta1",
        "kind": "KatibConfig",
        "init": {
            "certGenerator": {"enable": False},
            "controller": {
                "webhookPort": webhook_server.PORT,
                "metricsAddr": f":{_METRICS_PORT}",
                "healthzAddr": f":{_HEALTH_PORT}",
                "trialResources": ["Job.v1.batch"],
            },
        },
        "runtime": {
            "metricsCollectors": [],
            "suggestions": [_suggestion(each, suggestion_image) for each in ALGORITHMS],
        },
    }


def webhooks(namespace: str, ca: str) -> dict[str, list[dict[str, Any]]]:
    """Return the webhooks of experiments by "kind name"; that of pods would inject a collector."""
    found = manifests.load(_PROJECT, _MODULE, f"{_COMPONENTS}/webhook/webhooks.yaml")
    kept: dict[str, list[dict[str, Any]]] = {}
    for each in found:
        wanted = [hook for hook in each["webhooks"] if hook["name"] in _WEBHOOKS]
        for webhook in wanted:
            webhook_server.call(webhook, service=_WEBHOOK_SERVICE, namespace=namespace, ca=ca)
        kept[f"{each['kind']} {each['metadata']['name']}"] = wanted
    return kept


class KatibController(pulumi.ComponentResource):
    """The controller, its definitions and its webhooks."""

    ready: Sequence[pulumi.Resource]
    """The registered webhooks, which check experiments."""

    def __init__(self, name: str, args: KatibControllerArgs, opts: ResourceOptions | None = None) -> None:
        version = upstream_version(_PROJECT, _MODULE)
        super().__init__("plinth:index:KatibController", name, {"version": version}, opts)
        self._name = name
        self._args = args
        owner = Owner.of_product(
            self, name, args.namespace, product="katib", role="controller", version=version, select_role=True
        )
        self._owner = owner
        defined = labels("katib", name, "definitions", version=version)
        deployed = controller.deploy(
            owner,
            Controller(
                role="manager",
                name=ACCOUNT,
                pod=self._pod(),
                policy_name="controller",
                policy=self._policy(),
                definitions=manifests.labelled(definitions(), defined),
                rights=self._rights(),
                settings=Settings(
                    name=_SETTINGS,
                    data={_SETTINGS_FILE: json.dumps(settings(args.suggestion_image), indent=1)},
                ),
                webhooks=self._webhooks(),
                after=[*args.after, *trial_admission.deploy(owner, ACCOUNT, args.suggestion_image)],
            ),
        )
        self.ready = deployed.webhooks
        self.register_outputs({})

    def _policy(self) -> network_policies.Spec:
        store = network_policies.pods(metric_store.POD_LABELS)
        suggestions = network_policies.every_pod()
        return network_policies.controller(
            self._owner.selector,
            scrapers=(),
            metrics_port=_METRICS_PORT,
            webhook_port=webhook_server.PORT,
            outgoing=[
                network_policies.egress([store], metric_store.PORT),
                network_policies.egress([suggestions], SUGGESTIONS_PORT),
            ],
        )

    def _rights(self) -> Rights:
        own = f"{self._name}-settings-reader"
        return Rights(
            account=ACCOUNT,
            cluster=Grant(rules=rights(), name=self._name),
            namespace=Grant(rules=settings_rights(), name=own, resource=own),
        )

    def _webhooks(self) -> WebhookServer:
        return WebhookServer(
            service=_WEBHOOK_SERVICE,
            secret=_CERTIFICATE,
            certificate=self._args.webhook_certificate,
            webhooks=webhooks,
            resource=lambda _, role: role,
        )

    def _pod(self) -> v1.PodSpecArgsDict:
        container = server_pods.container(
            "manager",
            self._args.image,
            ["katib-controller", f"--katib-config={_SETTINGS_FOLDER}/{_SETTINGS_FILE}"],
            env=pod_inputs.plain_env({"KATIB_CORE_NAMESPACE": self._args.namespace}),
            ports={"webhook": webhook_server.PORT, "metrics": _METRICS_PORT, "health": _HEALTH_PORT},
            mounts=(
                TMP,
                Mount(volume="settings", path=_SETTINGS_FOLDER),
                Mount(volume="certificate", path=_CERTIFICATE_FOLDER),
            ),
            probe=pod_security.http_probe("/readyz", _HEALTH_PORT),
            resources=pod_security.sizes(cpu="20m", memory="64Mi", memory_limit="256Mi"),
        )
        container["startup_probe"] = webhook_server.startup_probe()
        return server_pods.pod(
            container,
            volumes=[
                {"name": "settings", "config_map": {"name": _SETTINGS}},
                {"name": "certificate", "secret": {"secret_name": _CERTIFICATE}},
            ],
            service_account=ACCOUNT,
        )
