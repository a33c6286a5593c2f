"""Groups firing alerts and sends them to the configured receivers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.monitoring.receivers import Receiver
from components.monitoring.timing import Timing, duration
from components.shapes import network_policies, pod_security
from components.shapes.labels import NAME
from components.shapes.owner import Owner
from components.versions import upstream_version

PORT = 9093
POD_LABELS: Final[Mapping[str, str]] = {NAME: "alertmanager"}
"""The operator labels the pods of every Alertmanager with it."""
RECEIVER: Final[Mapping[str, str]] = {"plinth.local/alert-receiver": "true"}
"""Pods with this label, in any namespace, may receive alerts."""
SERVICE = "alertmanager-operated"
"""The operator gives the Service of all Alertmanagers of a namespace this name."""
_PROJECT = "alertmanager"
_MODULE = "github.com/prometheus/alertmanager"


@dataclass(frozen=True, kw_only=True)
class AlertmanagerArgs:
    """Inputs of `Alertmanager`."""

    namespace: pulumi.Input[str]
    """Namespace of the Prometheus operator, which denies traffic by default."""
    image: str
    """Image of Alertmanager."""
    timing: Timing
    """Notification timing: group wait, interval and repeat."""
    senders: tuple[network_policies.Peer, ...]
    """Pods that may send alerts and scrape the metrics."""
    receivers: tuple[Receiver, ...] = ()
    """Pods of the platform that act on some alerts, which everybody else is notified of as well."""
    webhook_url: str | None = None
    """Webhook that receives every alert; without it only receivers of AlertmanagerConfigs are notified."""

    def __post_init__(self) -> None:
        """Reject an address that alerts cannot be sent to."""
        if self.webhook_url is not None and urlsplit(self.webhook_url).scheme not in ("http", "https"):
            raise ValueError(f"webhook_url: {self.webhook_url!r}; give an address with http:// or https://")


def configuration(timing: Timing, webhook_url: str | None, receivers: Sequence[Receiver] = ()) -> str:
    """Return Alertmanager's own configuration, to which the operator adds every AlertmanagerConfig."""
    receiver: dict[str, Any] = {"name": "default"}
    if webhook_url:
        receiver["webhook_configs"] = [{"url": webhook_url, "send_resolved": True}]
    # An alert that a receiver of the platform takes would otherwise not come to people.
    routes = [*(each.route() for each in receivers), {"receiver": "default"}] if receivers else []
    settings = {
        "route": {
            "receiver": "default",
            "group_by": ["alertname", "namespace", "service"],
            "group_wait": duration(timing.group_wait_seconds),
            "group_interval": duration(timing.group_interval_seconds),
            "repeat_interval": timing.repeat_interval,
            "routes": routes,
        },
        # The fast-burn alert has paged already: the slow-burn alert would add nothing.
        "inhibit_rules": [
            {
                "source_matchers": ['alertname=~"Serving.+FastBurn"'],
                "target_matchers": ['alertname=~"Serving.+SlowBurn"'],
                "equal": ["service"],
            }
        ],
        "receivers": [receiver, *(each.receiver() for each in receivers)],
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
        # A receiver gets the alerts of every namespace, not only of its own.
        "alertmanagerConfigMatcherStrategy": {"type": "None"},
        "automountServiceAccountToken": False,
        "retention": "24h",
        "portName": "web",
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": security_context(),
        "podMetadata": {"labels": {"app.kubernetes.io/part-of": "plinth"}},
    }


def security_context() -> dict[str, Any]:
    """Return the restricted standard at pod level; the operator sets it for containers."""
    user = pod_security.USER
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
        self._args = args
        self._owner = Owner.of_product(
            self, name, args.namespace, product="alertmanager", role="alerts", version=version
        )
        secret = kubernetes.core.v1.Secret(
            f"{name}-configuration",
            metadata=self._owner.metadata(f"{name}-configuration"),
            string_data={"alertmanager.yaml": configuration(args.timing, args.webhook_url, args.receivers)},
            opts=self._owner.child(),
        )
        policy = kubernetes.networking.v1.NetworkPolicy(
            f"{name}-policy",
            metadata=self._owner.metadata(name),
            spec=self._network_policy(),
            opts=self._owner.child(),
        )
        metadata = self._owner.metadata(name)
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
            opts=self._owner.child([policy]),
        )
        # Resolved by the server's id, so that a consumer waits until it is available.
        self.service = server.id.apply(lambda _: SERVICE)
        self.register_outputs({"service": self.service})

    def _network_policy(self) -> network_policies.Spec:
        receivers: network_policies.Peer = {
            "namespace_selector": {},
            "pod_selector": {"match_labels": RECEIVER},
        }
        outgoing: list[network_policies.EgressRule] = [
            network_policies.egress([receivers]),
            *(
                network_policies.egress([network_policies.pods(each.labels, each.namespace)], each.port)
                for each in self._args.receivers
            ),
        ]
        if self._args.webhook_url:
            url = urlsplit(self._args.webhook_url)
            port = url.port or (443 if url.scheme == "https" else 80)
            outgoing.append(network_policies.egress([network_policies.anywhere()], port))
        return network_policies.exception(
            self._owner.selector,
            incoming=[network_policies.ingress(self._args.senders, PORT)],
            outgoing=outgoing,
        )
