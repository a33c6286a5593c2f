"""What the controllers of Trainer and JobSet have in common: lean definitions, rights in halves, the pod."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.core import v1

from components import manifests
from components.shapes import (
    access_rights,
    controller,
    network_policies,
    pod_security,
    server_pods,
    webhook_server,
)
from components.shapes.controller import Controller, Grant, Rights, Settings
from components.shapes.labels import labels
from components.shapes.owner import Owner
from components.shapes.server_certificate import ServerCertificate
from components.shapes.server_pods import TMP, Mount
from components.shapes.webhook_server import Webhooks, WebhookServer

HEALTH_PORT = 8081
_SETTINGS_FILE = "controller_manager_config.yaml"


@dataclass(frozen=True, kw_only=True)
class TrainingControllerArgs:
    """Inputs of `JobSetController` and of `TrainerController`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    image: str
    """Image of the controller."""
    webhook_certificate: ServerCertificate
    """Issued for the `webhook_host(namespace)` of the controller's module."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape the metrics."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """A controller's rules: what it reads everywhere, and what it changes where runs are."""

    everywhere: list[Any]
    in_runs: list[Any]


@dataclass(frozen=True, kw_only=True)
class Program:
    """What differs between the two controllers."""

    product: str
    """Short name, such as `jobset`: objects in the cluster are named after it."""
    version: str
    flags: Sequence[str]
    """Of its command line, besides the configuration's."""
    settings: Mapping[str, Any]
    """Its configuration."""
    definitions: Sequence[manifests.Manifest]
    rights: Split
    webhooks: Callable[[str, str], Webhooks]
    """Renders them for a namespace and a certificate authority (PEM)."""
    certificate_folder: str
    """Where it reads the certificate of its webhooks."""
    metrics_port: int

    @property
    def account(self) -> str:
        """Its service account, and the name of its Deployment."""
        return account(self.product)


def account(product: str) -> str:
    """Return the service account of a controller."""
    return f"{product}-controller-manager"


def webhook_service(product: str) -> str:
    """Return the Service that the API server calls."""
    return f"{product}-webhook-service"


def deploy(
    component: pulumi.Resource, name: str, args: TrainingControllerArgs, program: Program
) -> list[pulumi.Resource]:
    """Create a controller as children of a component; return the registered webhooks."""
    product, version = program.product, program.version
    owner = Owner.of_product(
        component, name, args.namespace, product=product, role="controller", version=version, select_role=True
    )
    leader = f"{name}-leader-election"
    defined = labels(product, name, "definitions", version=version)
    deployed = controller.deploy(
        owner,
        Controller(
            role="manager",
            name=program.account,
            pod=_pod(args.image, program),
            policy_name=f"{product}-controller",
            policy=network_policies.controller(
                owner.selector,
                scrapers=args.scrapers,
                metrics_port=program.metrics_port,
                webhook_port=webhook_server.PORT,
            ),
            definitions=manifests.labelled(program.definitions, defined),
            rights=Rights(
                account=program.account,
                cluster=Grant(rules=program.rights.everywhere, name=name),
                namespace=Grant(rules=_leader_rights(), name=leader, resource=leader),
            ),
            settings=Settings(
                name=f"{product}-config", data={_SETTINGS_FILE: json.dumps(program.settings, indent=1)}
            ),
            webhooks=WebhookServer(
                service=webhook_service(product),
                secret=f"{product}-webhook-cert",
                certificate=args.webhook_certificate,
                webhooks=program.webhooks,
                resource=lambda _, role: role,
            ),
        ),
    )
    return [*deployed.webhooks]


def _pod(image: str, program: Program) -> v1.PodSpecArgsDict:
    folder = f"/etc/{program.product}"
    container = server_pods.container(
        "manager",
        image,
        ["/manager", f"--config={folder}/{_SETTINGS_FILE}", "--zap-log-level=info", *program.flags],
        ports={"webhook": webhook_server.PORT, "metrics": program.metrics_port, "health": HEALTH_PORT},
        mounts=(
            TMP,
            Mount(volume="settings", path=folder),
            Mount(volume="certificate", path=program.certificate_folder),
        ),
        probe=pod_security.http_probe("/readyz", HEALTH_PORT),
        resources=pod_security.sizes(cpu="20m", memory="64Mi", memory_limit="256Mi"),
    )
    container["startup_probe"] = webhook_server.startup_probe()
    return server_pods.pod(
        container,
        volumes=[
            {"name": "settings", "config_map": {"name": f"{program.product}-config"}},
            {"name": "certificate", "secret": {"secret_name": f"{program.product}-webhook-cert"}},
        ],
        service_account=program.account,
    )


def lean(definitions: Iterable[manifests.Manifest]) -> list[manifests.Manifest]:
    """Return definitions that accept any pod, without prose: 13 to 46 kB each in place of 190 to 370 kB.

    Pods are validated when the Jobs of a training create them.
    """
    found = manifests.without_descriptions(definitions)
    for each in found:
        for version in each["spec"]["versions"]:
            version["schema"]["openAPIV3Schema"] = _without_pods(version["schema"]["openAPIV3Schema"])
    return found


def split(rules: Iterable[Mapping[str, Any]], *, needless: Iterable[str], everywhere: Iterable[str]) -> Split:
    """Return upstream's cluster-wide rules in two halves.

    Its watches of every namespace need the right to read everywhere; what it writes is where runs are.

    Args:
        rules: the rules, as a manifest has them.
        needless: resources for features that the platform leaves out, as `access_rights.split` takes them.
        everywhere: resources that it also writes outside of runs, or that belong to no namespace.
    """
    one_group = [{**each, "apiGroups": [group]} for each in rules for group in each["apiGroups"]]
    needed, _ = access_rights.split(one_group, needless)
    others, whole = access_rights.split(needed, everywhere)
    writing = [
        {**each, "verbs": [verb for verb in each["verbs"] if verb not in access_rights.READ]}
        for each in others
    ]
    return Split(
        everywhere=[*access_rights.read_only(others), *whole],
        in_runs=[each for each in writing if each["verbs"]],
    )


def registered(
    found: Iterable[manifests.Manifest],
    *,
    product: str,
    namespace: str,
    ca: str,
    without: frozenset[str] = frozenset(),
) -> dict[str, list[dict[str, Any]]]:
    """Return webhooks by "kind name", pointed at our Service and certificate authority.

    Args:
        found: upstream's configurations.
        product: whose they are; upstream's names are the same in every project.
        namespace: of the Service that the API server calls.
        ca: the authority, PEM.
        without: names of webhooks to leave out.
    """
    kept: dict[str, list[dict[str, Any]]] = {}
    for each in found:
        wanted = [webhook for webhook in each["webhooks"] if webhook["name"] not in without]
        for webhook in wanted:
            webhook_server.call(webhook, service=webhook_service(product), namespace=namespace, ca=ca)
        kept[f"{each['kind']} {product}-{each['metadata']['name']}"] = wanted
    return kept


def _leader_rights() -> list[Any]:
    """Return a controller's rules for its own namespace: the lease of its leader."""
    verbs = ["get", "list", "watch", "create", "update", "patch"]
    return [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": verbs}]


def _without_pods(schema: Any) -> Any:
    """Return a schema that accepts anything where it describes the spec of a pod."""
    if not isinstance(schema, dict):
        return schema
    fields: dict[str, Any] = schema.get("properties", {})
    if {"containers", "restartPolicy"} <= fields.keys():
        return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    kept: dict[str, Any] = dict(schema)
    if fields:
        kept["properties"] = {name: _without_pods(inner) for name, inner in fields.items()}
    for keyword in ("items", "additionalProperties"):
        if keyword in kept:
            kept[keyword] = _without_pods(kept[keyword])
    return kept
