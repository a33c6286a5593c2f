"""An Alertmanager: it groups what fires, and tells whoever has asked for it."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.monitoring.timing import Timing, duration
from components.shapes import network_policies, server_pods
from components.shapes.labels import labels, selector
from components.versions import upstream_version

PORT = 9093
# Pods with this label, in any namespace, may be told of alerts.
RECEIVER = {"plinth.local/alert-receiver": "true"}
# What the operator calls the Service of all Alertmanagers of a namespace.
SERVICE = "alertmanager-operated"
_PROJECT = "alertmanager"
_MODULE = "github.com/prometheus/alertmanager"


@dataclass(frozen=True, kw_only=True)
class AlertmanagerArgs:
    """What Alertmanager needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace with the Prometheus operator in it."""
    image: str
    """Alertmanager."""
    timing: Timing
    """How soon is told."""
    senders: tuple[network_policies.Peer, ...]
    """Who may send alerts and read the metrics."""
    webhook_url: str | None = None
    """Where every alert goes; without it only receivers that an AlertmanagerConfig names are told."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse an address that nothing could be sent to."""
        if self.webhook_url is not None and urlsplit(self.webhook_url).scheme not in ("http", "https"):
            raise ValueError(f"webhook_url: {self.webhook_url!r}; give an address with http:// or https://")


def configuration(timing: Timing, webhook_url: str | None) -> str:
    """Return Alertmanager's own configuration; those of AlertmanagerConfigs are added by the operator."""
    receiver: dict[str, Any] = {"name": "default"}
    if webhook_url:
        receiver["webhook_configs"] = [{"url": webhook_url, "send_resolved": True}]
    settings = {
        "route": {
            "receiver": "default",
            "group_by": ["alertname", "namespace", "service"],
            "group_wait": duration(timing.group_wait_seconds),
            "group_interval": duration(timing.group_interval_seconds),
            "repeat_interval": timing.repeat_interval,
        },
        # Whoever is woken by the fast burn need not hear of the slow one too.
        "inhibit_rules": [
            {
                "source_matchers": ['alertname=~"Serving.+FastBurn"'],
                "target_matchers": ['alertname=~"Serving.+SlowBurn"'],
                "equal": ["service"],
            }
        ],
        "receivers": [receiver],
    }
    return json.dumps(settings, indent=1)


def spec(args: AlertmanagerArgs, version: str, secret: pulumi.Input[str]) -> dict[str, Any]:
    """Return the spec of the operator's Alertmanager resource."""
    return {
        "replicas": 1,
        "version": version,
        "image": args.image,
        "imagePullPolicy": "IfNotPresent",
        "configSecret": secret,
        "alertmanagerConfigSelector": {},
        # A receiver hears of every namespace, not of its own alone.
        "alertmanagerConfigMatcherStrategy": {"type": "None"},
        "automountServiceAccountToken": False,
        "retention": "24h",
        "portName": "web",
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": security_context(),
        "podMetadata": {"labels": {"app.kubernetes.io/part-of": "plinth"}},
    }


def security_context() -> dict[str, Any]:
    """Return the restricted standard at pod level; the operator sets that of containers."""
    user = server_pods.USER
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


class Alertmanager(pulumi.ComponentResource):
    """One Alertmanager and its route."""

    service: pulumi.Output[str]

    def __init__(self, name: str, args: AlertmanagerArgs, opts: ResourceOptions | None = None) -> None:
        version = upstream_version(_PROJECT, _MODULE)
        super().__init__("plinth:index:Alertmanager", name, {"version": version}, opts)
        self._name = name
        self._args = args
        self._labels = {**labels("alertmanager", name, "alerts", version=version), **args.extra_labels}
        child = ResourceOptions(parent=self)
        secret = kubernetes.core.v1.Secret(
            f"{name}-configuration",
            metadata=self._metadata("configuration"),
            string_data={"alertmanager.yaml": configuration(args.timing, args.webhook_url)},
            opts=child,
        )
        policy = kubernetes.networking.v1.NetworkPolicy(
            f"{name}-policy", metadata=self._metadata(), spec=self._ways(), opts=child
        )
        metadata = self._metadata()
        metadata["annotations"] = {
            "pulumi.com/waitFor": "condition=Available",
            "pulumi.com/timeoutSeconds": "300",
        }
        server = kubernetes.apiextensions.CustomResource(
            f"{name}-server",
            api_version="monitoring.coreos.com/v1",
            kind="Alertmanager",
            metadata=metadata,
            spec=spec(args, version, secret.metadata["name"]),
            opts=ResourceOptions(parent=self, depends_on=[policy]),
        )
        # Taken from the server's identity, so that a consumer waits until it answers.
        self.service = server.id.apply(lambda _: SERVICE)
        self.register_outputs({"service": self.service})

    def _metadata(self, role: str = "") -> kubernetes.meta.v1.ObjectMetaArgsDict:
        suffix = f"-{role}" if role else ""
        return {"name": f"{self._name}{suffix}", "namespace": self._args.namespace, "labels": self._labels}

    def _ways(self) -> network_policies.Spec:
        receivers: network_policies.Peer = {
            "namespace_selector": {},
            "pod_selector": {"match_labels": RECEIVER},
        }
        outgoing: list[network_policies.EgressRule] = [network_policies.egress([receivers])]
        if self._args.webhook_url:
            url = urlsplit(self._args.webhook_url)
            port = url.port or (443 if url.scheme == "https" else 80)
            outgoing.append(network_policies.egress([network_policies.anywhere()], port))
        return network_policies.exception(
            selector("alertmanager", self._name),
            incoming=[network_policies.ingress(self._args.senders, PORT)],
            outgoing=outgoing,
        )
