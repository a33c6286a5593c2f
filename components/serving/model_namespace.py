"""A namespace in which models run: their account and its key, who may reach them, and what is admitted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes

from components.connections import GatewayConnection, ObjectStoreConnection
from components.serving import kserve_controller, recording, service_admission
from components.shapes import network_policies, object_store_access
from components.shapes.access_rights import AccessRights
from components.shapes.labels import labels
from components.shapes.owner import Owner
from workloads.contract import ARTIFACTS_OF_TEAMS, DEFAULT_WORKSPACE, artifacts_folder

PORT: Final = 8080
STORAGE: Final = "model-storage"
_DEFAULT: Final = "default"
ACCOUNTS: Final = (STORAGE, _DEFAULT)
"""Accounts of models: that of pipelines, and the one of inference services that name none."""
RUNTIMES: Final = "mlflow-"
"""What the names of the runtimes begin with."""
POD_LABELS: Final[Mapping[str, str]] = {"component": "predictor"}
"""KServe labels the pods of every predictor with it; they serve metrics on `PORT`."""


@dataclass(frozen=True, kw_only=True)
class ModelNamespaceArgs:
    """Inputs of `deploy`."""

    controller_namespace: pulumi.Input[str]
    """Namespace of KServe's controller, which may make models here."""
    gateway: GatewayConnection
    """Gateway that publishes models as `<name>-<namespace>.<domain>`."""
    artifacts: ObjectStoreConnection
    """The bucket that holds the models, and an account that may read them."""
    team: str = ""
    """The team whose models they are; without one, the stack's own."""
    stores: tuple[network_policies.Peer, ...]
    """Pods or addresses of the object store; unused without keys."""
    clients: tuple[network_policies.Peer, ...] = ()
    """Pods that may call models, in addition to the gateway."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape the metrics of models."""
    record_readers: tuple[network_policies.Peer, ...] = ()
    """Pods that may read what predictors record of requests; nobody else may."""
    reserved: tuple[str, ...] = ()
    """Names that no model may have, because their hosts are taken."""

    def __post_init__(self) -> None:
        """Reject a setup that could not copy models."""
        if not self.stores and not self.artifacts.keyless:
            raise ValueError("stores: none given; models are copied from the object store, name its pods")


@dataclass(frozen=True, kw_only=True)
class ModelNamespace:
    """A namespace that is ready for models."""

    namespace: pulumi.Output[str]
    """Resolves once a model can run there."""
    service_account: pulumi.Output[str]
    """Account of the models of pipelines."""


def deploy(
    parent: pulumi.Resource, component: str, namespace: pulumi.Input[str], args: ModelNamespaceArgs
) -> ModelNamespace:
    """Create what models need in a namespace, as children of the component of this Pulumi name."""
    owner = Owner(
        component=component,
        namespace=namespace,
        labels=labels("kserve", component, "serving"),
        selector=POD_LABELS,
        parent=parent,
    )
    account = _account(owner, args.artifacts)
    admitted = service_admission.deploy(
        owner,
        models=_models(args),
        runtimes=RUNTIMES,
        accounts=ACCOUNTS,
        reserved=args.reserved,
    )
    needed = (account, _network_policy(owner, args), _controller_rights(owner, args.controller_namespace))
    ready = pulumi.Output.all(
        *(each.metadata["namespace"] for each in needed), *(each.id for each in admitted)
    )
    return ModelNamespace(
        # Resolved by what a model needs, so that none is deployed before it can run.
        namespace=ready.apply(lambda known: str(known[0])),
        service_account=account.metadata["name"],
    )


def _models(args: ModelNamespaceArgs) -> service_admission.Models:
    bucket = f"s3://{args.artifacts.bucket}/"
    if args.team:
        return service_admission.Models(below=f"{bucket}{artifacts_folder(args.team)}")
    teams = f"{bucket}{ARTIFACTS_OF_TEAMS}"
    return service_admission.Models(below=bucket, teams=teams, own=f"{teams}{DEFAULT_WORKSPACE}/")


def _account(owner: Owner, artifacts: ObjectStoreConnection) -> kubernetes.core.v1.ServiceAccount:
    secrets: list[kubernetes.core.v1.ObjectReferenceArgsDict] | None = None
    if not artifacts.keyless:
        secrets = [{"name": _keys(owner, artifacts).metadata["name"]}]
        # Kubernetes creates it with the namespace.
        kubernetes.core.v1.ServiceAccountPatch(
            f"{owner.component}-default-account",
            metadata={"name": _DEFAULT, "namespace": owner.namespace, "labels": owner.labels},
            automount_service_account_token=False,
            secrets=secrets,
            opts=owner.child(),
        )
    return kubernetes.core.v1.ServiceAccount(
        f"{owner.component}-storage-account",
        metadata=owner.metadata(STORAGE),
        automount_service_account_token=False,
        secrets=secrets,
        opts=owner.child(),
    )


def _keys(owner: Owner, artifacts: ObjectStoreConnection) -> kubernetes.core.v1.Secret:
    annotations: dict[str, pulumi.Input[str]] = {
        "serving.kserve.io/s3-endpoint": artifacts.endpoint,
        "serving.kserve.io/s3-region": artifacts.region,
        "serving.kserve.io/s3-usehttps": "1" if artifacts.secure else "0",
        "serving.kserve.io/s3-usevirtualbucket": "0",
    }
    return kubernetes.core.v1.Secret(
        f"{owner.component}-storage-secret",
        metadata={**owner.metadata(STORAGE), "annotations": annotations},
        string_data={
            "AWS_ACCESS_KEY_ID": pulumi.Output.secret(artifacts.access_key or ""),
            "AWS_SECRET_ACCESS_KEY": pulumi.Output.secret(artifacts.secret_key or ""),
        },
        opts=owner.child(),
    )


def _controller_rights(
    owner: Owner, controller_namespace: pulumi.Input[str]
) -> kubernetes.rbac.v1.RoleBinding:
    """Let the controller make models here; it may in no namespace without this."""
    _, rules = kserve_controller.rights()
    access = AccessRights(
        owner=owner, account=kserve_controller.ACCOUNT, account_namespace=controller_namespace
    )
    return access.in_namespace(
        rules, name=kserve_controller.ACCOUNT, resource=f"{owner.component}-controller-models"
    )


def _network_policy(owner: Owner, args: ModelNamespaceArgs) -> kubernetes.networking.v1.NetworkPolicy:
    gateway = network_policies.in_namespace(args.gateway.namespace)
    incoming = [network_policies.ingress([gateway, *args.clients, *args.scrapers], PORT)]
    if args.record_readers:
        incoming.append(network_policies.ingress(args.record_readers, recording.PORT))
    return kubernetes.networking.v1.NetworkPolicy(
        f"{owner.component}-predictors-policy",
        metadata=owner.metadata("predictors"),
        spec=network_policies.exception(
            owner.selector,
            incoming=incoming,
            outgoing=object_store_access.egress(args.artifacts, args.stores),
        ),
        opts=owner.child(),
    )
