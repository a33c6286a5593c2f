"""An upstream controller: its definitions, rights, settings, network policy, Deployment and webhooks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes

from components import manifests
from components.shapes import replicated_server, server_pods
from components.shapes.access_rights import AccessRights
from components.shapes.network_policies import Spec
from components.shapes.owner import Owner
from components.shapes.webhook_server import WebhookServer

# kube-proxy learns of a ready pod a moment later and syncs at most once a second; until then it refuses calls
# of webhooks that are registered as soon as the pod is ready.
_SETTLE_SECONDS: Final = 3


@dataclass(frozen=True, kw_only=True)
class Grant:
    """Rules that a role grants to the controller, and the names of the role and its binding."""

    rules: Sequence[kubernetes.rbac.v1.PolicyRuleArgsDict]
    name: str
    """Name in the cluster."""
    resource: str = ""
    """Pulumi name, without the kind; the component's own by default."""


@dataclass(frozen=True, kw_only=True)
class Rights:
    """The controller's service account and its roles."""

    account: str
    cluster: Grant
    """Valid in every namespace."""
    namespace: Grant
    """Valid in the controller's own namespace."""

    def create(self, owner: Owner) -> list[pulumi.Resource]:
        """Create the account, the roles and their bindings."""
        access = AccessRights(owner=owner, account=self.account)
        cluster, namespace = self.cluster, self.namespace
        return [
            access.service_account(),
            access.in_cluster(cluster.rules, name=cluster.name, resource=cluster.resource),
            access.in_namespace(namespace.rules, name=namespace.name, resource=namespace.resource),
        ]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The ConfigMap that the controller reads."""

    name: str
    data: pulumi.Input[Mapping[str, pulumi.Input[str]]]

    def create(self, owner: Owner) -> kubernetes.core.v1.ConfigMap:
        """Create the ConfigMap."""
        return kubernetes.core.v1.ConfigMap(
            f"{owner.component}-settings",
            metadata=owner.metadata(self.name),
            data=self.data,
            opts=owner.child(),
        )


@dataclass(frozen=True, kw_only=True)
class Controller:
    """The parts of one controller; a part that a controller does not have is left out."""

    role: str
    """Suffix of the Deployment's Pulumi name, such as `manager`."""
    name: str
    """Name of the Deployment."""
    pod: kubernetes.core.v1.PodSpecArgsDict
    """The controller's pod."""
    policy: Spec
    """Network policy of the pod."""
    policy_name: str = ""
    """Name of the network policy; the Deployment's by default."""
    definitions: Sequence[manifests.Manifest] = ()
    """Definitions of its custom resources, with labels."""
    rights: Rights | None = None
    """What it may do with the Kubernetes API."""
    settings: Settings | None = None
    """Its configuration."""
    webhooks: WebhookServer | None = None
    """Its admission webhooks."""
    replicas: int | None = None
    """Pods that elect a leader; without it one pod, which ends before its successor starts."""
    after: Sequence[pulumi.Resource] = ()
    """Resources that must exist before it starts, beyond its own."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A controller in the cluster."""

    deployment: kubernetes.apps.v1.Deployment
    webhooks: Sequence[pulumi.Resource]
    """Registered webhooks: objects that they check come after them."""
    definitions: Sequence[pulumi.Resource] = ()
    """Its definitions of custom resources, which are there before the controller runs."""


def deploy(owner: Owner, controller: Controller) -> Deployed:
    """Create every part of a controller, each in front of those that need it."""
    before: list[pulumi.Resource] = [*controller.after, _policy(owner, controller)]
    definitions = [define(owner, controller.definitions)] if controller.definitions else []
    before += definitions
    if controller.rights:
        before += controller.rights.create(owner)
    if controller.settings:
        before.append(controller.settings.create(owner))
    if controller.webhooks:
        before.append(controller.webhooks.create_certificate(owner))
    deployment = _deployment(owner, controller, before)
    if controller.webhooks is None:
        return Deployed(deployment=deployment, webhooks=(), definitions=definitions)
    service = controller.webhooks.create_service(owner)
    return Deployed(
        deployment=deployment,
        webhooks=controller.webhooks.register(owner, [deployment, service]),
        definitions=definitions,
    )


def define(owner: Owner, definitions: Sequence[manifests.Manifest]) -> kubernetes.yaml.v2.ConfigGroup:
    """Create definitions of custom resources."""
    return kubernetes.yaml.v2.ConfigGroup(
        f"{owner.component}-definitions", yaml=manifests.render(definitions), opts=owner.child()
    )


def _policy(owner: Owner, controller: Controller) -> kubernetes.networking.v1.NetworkPolicy:
    return kubernetes.networking.v1.NetworkPolicy(
        f"{owner.component}-policy",
        metadata=owner.metadata(controller.policy_name or controller.name),
        spec=controller.policy,
        opts=owner.child(),
    )


def _deployment(
    owner: Owner, controller: Controller, after: Sequence[pulumi.Resource]
) -> kubernetes.apps.v1.Deployment:
    # Not every controller sees its settings change: Argo watches them in the namespace of runs alone.
    annotations = server_pods.reads_at_start(controller.settings.data) if controller.settings else None
    if controller.replicas is not None:
        return replicated_server.deploy(
            owner,
            controller.pod,
            role=controller.role,
            name=controller.name,
            replicas=controller.replicas,
            after=after,
            settle_seconds=_SETTLE_SECONDS if controller.webhooks else 0,
            annotations=annotations,
        )
    return server_pods.deploy(
        owner,
        controller.pod,
        role=controller.role,
        name=controller.name,
        after=after,
        annotations=annotations,
    )
