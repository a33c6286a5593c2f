"""What a controller with admission webhooks needs around it, from its certificate to its configurations."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.shapes import cluster_service, network_policies

PORT = 9443
# By "kind name".
Webhooks = Mapping[str, list[dict[str, Any]]]


def host(service: str, namespace: str) -> str:
    """Return the host name that the webhooks' certificate must be for."""
    return f"{service}.{namespace}.svc"


def call(webhook: dict[str, Any], *, service: str, namespace: str, ca: str) -> None:
    """Make a webhook of upstream's call our Service, and trust our authority (PEM)."""
    webhook["clientConfig"]["caBundle"] = base64.b64encode(ca.encode()).decode()
    webhook["clientConfig"]["service"].update(name=service, namespace=namespace)


def startup_probe() -> kubernetes.core.v1.ProbeArgsDict:
    """Return the probe that holds a controller back until its webhooks answer.

    Its health answers before they do, and what is made next needs them.
    """
    return {"tcp_socket": {"port": PORT}, "period_seconds": 1, "failure_threshold": 120}


@dataclass(frozen=True, kw_only=True)
class WebhookServer:
    """The objects around one controller, made as children of its component."""

    component: str
    """Name of the component, with which the engine's names of the objects begin."""
    namespace: pulumi.Input[str]
    """Where the controller runs."""
    labels: Mapping[str, str]
    """Labels on every object."""
    selector: Mapping[str, str]
    """Labels of the controller's pods."""
    parent: pulumi.Resource
    """The component."""

    def certificate(
        self, name: str, certificate: pulumi.Input[str], key: pulumi.Input[str]
    ) -> kubernetes.core.v1.Secret:
        """Make the Secret with the certificate and its key, both as PEM."""
        return kubernetes.core.v1.Secret(
            f"{self.component}-certificate",
            metadata=self._metadata(name),
            type="kubernetes.io/tls",
            string_data={"tls.crt": certificate, "tls.key": pulumi.Output.secret(key)},
            opts=ResourceOptions(parent=self.parent),
        )

    def network_policy(
        self, scrapers: Sequence[network_policies.Peer], metrics_port: int
    ) -> kubernetes.networking.v1.NetworkPolicy:
        """Open the ways between the controller, the Kubernetes API and those who read its metrics."""
        metrics = [network_policies.ingress(scrapers, metrics_port)] if scrapers else []
        # The API server calls from outside the pods' network: it has no labels to name.
        webhook = network_policies.ingress([network_policies.anywhere()], PORT)
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self.component}-policy",
            metadata=self._metadata("controller"),
            spec=network_policies.exception(
                self.selector, incoming=[webhook, *metrics], outgoing=[network_policies.api_server()]
            ),
            opts=ResourceOptions(parent=self.parent),
        )

    def service(self, name: str) -> kubernetes.core.v1.Service:
        """Make the Service that the API server calls."""
        return cluster_service.deploy(
            f"{self.component}-webhook-service",
            metadata=self._metadata(name),
            selector=self.selector,
            ports={"webhook": (443, PORT)},
            parent=self.parent,
        )

    def configurations(
        self,
        webhooks: Callable[[str, str], Webhooks],
        ca: pulumi.Input[str],
        resource: Callable[[str, str], str],
        after: Sequence[pulumi.Resource],
    ) -> list[pulumi.Resource]:
        """Tell the API server what to ask.

        Args:
            webhooks: namespace and authority (PEM) -> the webhooks.
            ca: the authority.
            resource: name and role ("defaults" or "checks") of a configuration -> the engine's name of it.
            after: what must answer before the first question.
        """
        kinds: Mapping[str, Any] = {
            "MutatingWebhookConfiguration": kubernetes.admissionregistration.v1.MutatingWebhookConfiguration,
            "ValidatingWebhookConfiguration": (
                kubernetes.admissionregistration.v1.ValidatingWebhookConfiguration
            ),
        }
        known = pulumi.Output.all(self.namespace, ca)
        made: list[pulumi.Resource] = []
        for key in webhooks("", ""):
            kind, name = key.split()
            role = "defaults" if kind.startswith("Mutating") else "checks"
            configuration = kinds[kind](
                resource(name, role),
                metadata={"name": name, "labels": self.labels},
                webhooks=known.apply(lambda pair, key=key: webhooks(pair[0], pair[1])[key]),
                opts=ResourceOptions(parent=self.parent, depends_on=after),
            )
            made.append(configuration)
        return made

    def _metadata(self, name: str) -> kubernetes.meta.v1.ObjectMetaArgsDict:
        return {"name": name, "namespace": self.namespace, "labels": self.labels}
