"""The delivery controller: it owns the routes of models, and moves their requests from version to version."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.access.gateway import POD_LABELS as GATEWAY_LABELS
from components.access.traefik_configuration import METRICS_PORT
from components.connections import GatewayConnection, ObjectStoreConnection
from components.delivery import approval_policy, rollout_definition
from components.pipelines.pipelines_api_server import HTTP_PORT as PIPELINES_PORT
from components.serving import recording
from components.serving.model_namespace import PORT as MODEL_PORT
from components.shapes import (
    cluster_service,
    controller,
    network_policies,
    object_store_access,
    pod_inputs,
    pod_security,
    server_pods,
)
from components.shapes.access_rights import AccessRights
from components.shapes.labels import COMPONENT, NAME, labels
from components.shapes.owner import Owner
from components.shapes.server_pods import TMP, Mount
from components.tracking.workspace_proxy import PORT as TRACKING_PORT
from workloads.contract import ROLLOUT_API, ROLLOUTS

PORT: Final = 8080
"""Port of its health, its metrics, and of alerts."""
SERVICE: Final = "delivery"
"""Service of that port, where it takes alerts."""
POD_LABELS: Final[Mapping[str, str]] = {NAME: "delivery", COMPONENT: "controller"}
ACCOUNT: Final = "delivery"
"""Its service account."""
_FOLDER: Final = "/etc/plinth"
_FILE: Final = "settings.json"


@dataclass(frozen=True, kw_only=True)
class ModelsOf:
    """A namespace of models, and the MLflow that has them."""

    namespace: pulumi.Input[str]
    tracking_uri: pulumi.Input[str]
    pipelines_url: str = ""
    """URL of the pipelines API whose runs train them; empty if none of them is trained again."""


@dataclass(frozen=True, kw_only=True)
class Payloads:
    """Where recorded requests are stored."""

    store: ObjectStoreConnection
    """A bucket that the controller owns."""
    stores: tuple[network_policies.Peer, ...]
    """Pods or addresses of the object store; unused without keys."""
    keep_days: int
    """Days for which they are kept. Without keys it is a cloud's store, which deletes them itself."""
    excluded_features: tuple[str, ...] = ()
    """Features that recorded rows lack."""
    sample_rate: float = 1.0
    """Share of the requests that are recorded."""


@dataclass(frozen=True, kw_only=True)
class DeliveryControllerArgs:
    """Inputs of `DeliveryController`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    image: str
    """Image of the controller."""
    gateway: GatewayConnection
    """Gateway that publishes models as `<name>-<namespace>.<domain>`."""
    gateway_pods: tuple[network_policies.Peer, ...]
    """Its pods, whose counters are the evidence."""
    models: Mapping[str, ModelsOf]
    """Namespaces of models, by a name for the Pulumi resources."""
    predictors: tuple[network_policies.Peer, ...]
    """Pods of models."""
    tracking: tuple[network_policies.Peer, ...]
    """Pods of MLflow."""
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What a rollout does where it says nothing, under the names of its fields."""
    drift: Mapping[str, Any] | None = None
    """By what live rows are compared with those of training; None if they are not."""
    retraining: Mapping[str, Any] | None = None
    """How often drift begins a pipeline run; None if it never does."""
    pipelines: tuple[network_policies.Peer, ...] = ()
    """Pods of the pipelines APIs."""
    payloads: Payloads | None = None
    """Where recorded requests are stored; None if none are recorded."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape its metrics."""
    alert_senders: tuple[network_policies.Peer, ...] = ()
    """Pods that may send it alerts."""

    def __post_init__(self) -> None:
        """Reject a controller without models."""
        if not self.models:
            raise ValueError("models: none given; name the namespaces of models")

    @property
    def reads_pods(self) -> bool:
        """Whether it reads what the pods of models record."""
        return self.drift is not None or self.payloads is not None


def _pods() -> kubernetes.rbac.v1.PolicyRuleArgsDict:
    return {"api_groups": [""], "resources": ["pods"], "verbs": ["list"]}


def rules(*, reads_pods: bool = False) -> list[kubernetes.rbac.v1.PolicyRuleArgsDict]:
    """Return what the controller may do in a namespace of models.

    Args:
        reads_pods: Whether it reads what the pods of models record.
    """
    return [
        *([_pods()] if reads_pods else []),
        {"api_groups": [ROLLOUT_API[0]], "resources": [ROLLOUTS], "verbs": ["list", "delete"]},
        {"api_groups": [ROLLOUT_API[0]], "resources": [f"{ROLLOUTS}/status"], "verbs": ["patch"]},
        {
            "api_groups": ["serving.kserve.io"],
            "resources": ["inferenceservices"],
            "verbs": ["get", "list", "delete"],
        },
        {
            "api_groups": ["gateway.networking.k8s.io"],
            "resources": ["httproutes"],
            "verbs": ["list", "create", "patch", "delete"],
        },
    ]


class DeliveryController(pulumi.ComponentResource):
    """One controller for all namespaces of models."""

    def __init__(self, name: str, args: DeliveryControllerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:DeliveryController", name, {"models": [*args.models]}, opts)
        self._name = name
        self._args = args
        self._owner = Owner.of_product(self, name, args.namespace, product="delivery", role="controller")
        definition = controller.define(
            self._owner,
            manifests.labelled([rollout_definition.definition()], labels("delivery", name, "definitions")),
        )
        approval_policy.deploy(self._owner)
        content = self._content()
        # The controller reads it once: another content is another name, and so another pod.
        digest = content.apply(lambda text: hashlib.sha256(text.encode()).hexdigest()[:8])
        settings = pulumi.Output.concat(name, "-", digest)
        if args.retraining is not None:
            cluster_service.deploy(self._owner, SERVICE, {"http": PORT})
        server_pods.deploy(
            self._owner,
            self._pod(settings),
            role="controller",
            name=name,
            after=[
                definition,
                self._settings(settings, content),
                self._network_policy(),
                *self._rights(),
            ],
        )
        self.register_outputs({})

    def _content(self) -> pulumi.Output[str]:
        args = self._args
        payloads = args.payloads
        known = pulumi.Output.all(
            tracking=pulumi.Output.all(
                *(pulumi.Output.all(each.namespace, each.tracking_uri) for each in args.models.values())
            ),
            gateway={"name": args.gateway.name, "namespace": args.gateway.namespace},
            pipelines=pulumi.Output.all(
                *(pulumi.Output.all(each.namespace, each.pipelines_url) for each in args.models.values())
            ),
            payloads={
                "bucket": payloads.store.bucket,
                "endpoint": payloads.store.url,
                "region": payloads.store.region,
                "keepDays": None if payloads.store.keyless else payloads.keep_days,
                "excludedFeatures": [*payloads.excluded_features],
                "sampleRate": payloads.sample_rate,
            }
            if payloads
            else None,
        )
        return known.apply(self._text)

    def _settings(
        self, name: pulumi.Output[str], content: pulumi.Output[str]
    ) -> kubernetes.core.v1.ConfigMap:
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-settings",
            metadata=self._owner.metadata(name),
            data={_FILE: content},
            opts=self._owner.child(),
        )

    def _text(self, known: Mapping[str, Any]) -> str:
        document = {
            "tracking": dict(known["tracking"]),
            "domain": self._args.gateway.domain,
            "gateway": known["gateway"],
            "gatewayPods": ",".join(f"{key}={value}" for key, value in GATEWAY_LABELS.items()),
            "defaults": self._args.defaults,
            "drift": self._args.drift,
            "retraining": self._retraining(known["pipelines"]),
            "payloads": known["payloads"],
        }
        return json.dumps(document, sort_keys=True)

    def _retraining(self, pipelines: Sequence[Sequence[str]]) -> dict[str, Any] | None:
        if self._args.retraining is None:
            return None
        return {**self._args.retraining, "pipelines": {name: url for name, url in pipelines if url}}

    def _rights(self) -> list[pulumi.Resource]:
        args = self._args
        access = AccessRights(owner=self._owner, account=ACCOUNT)
        models = rules(reads_pods=args.reads_pods)
        return [
            access.service_account(),
            access.elsewhere(args.gateway.namespace).in_namespace(
                [_pods()], name=self._name, resource=f"{self._name}-gateway"
            ),
            *(
                access.elsewhere(each.namespace).in_namespace(
                    models, name=self._name, resource=f"{self._name}-{whose}"
                )
                for whose, each in args.models.items()
            ),
        ]

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        args = self._args
        callers = (*args.scrapers, *args.alert_senders)
        pipelines = [network_policies.egress(args.pipelines, PIPELINES_PORT)] if args.pipelines else []
        ports = [MODEL_PORT, recording.PORT] if args.reads_pods else [MODEL_PORT]
        store = object_store_access.egress(args.payloads.store, args.payloads.stores) if args.payloads else []
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._owner.metadata(self._name),
            spec=network_policies.exception(
                self._owner.selector,
                incoming=[network_policies.ingress(callers, PORT)] if callers else [],
                outgoing=[
                    network_policies.api_server(),
                    network_policies.egress(args.gateway_pods, METRICS_PORT),
                    network_policies.egress(args.predictors, *ports),
                    network_policies.egress(args.tracking, TRACKING_PORT),
                    *pipelines,
                    *store,
                ],
            ),
            opts=self._owner.child(),
        )

    def _keys(self) -> list[kubernetes.core.v1.EnvVarArgsDict]:
        """Return the environment with the store's keys; without keys the pod's identity opens it."""
        payloads = self._args.payloads
        if payloads is None or payloads.store.keyless:
            return []
        keys = kubernetes.core.v1.Secret(
            f"{self._name}-payloads",
            metadata=self._owner.metadata(f"{self._name}-payloads"),
            string_data={
                "access-key": pulumi.Output.secret(payloads.store.access_key or ""),
                "secret-key": pulumi.Output.secret(payloads.store.secret_key or ""),
            },
            opts=self._owner.child(),
        )
        return pod_inputs.secret_env(
            keys.metadata["name"],
            {"AWS_ACCESS_KEY_ID": "access-key", "AWS_SECRET_ACCESS_KEY": "secret-key"},
        )

    def _pod(self, settings: pulumi.Output[str]) -> kubernetes.core.v1.PodSpecArgsDict:
        container = server_pods.container(
            "controller",
            self._args.image,
            ["python3", "-m", "delivery.rollouts", f"{_FOLDER}/{_FILE}"],
            # numpy would start a thread for each CPU of the node, and needs none.
            env=[{"name": "OPENBLAS_NUM_THREADS", "value": "1"}, *self._keys()],
            ports={"http": PORT},
            mounts=[TMP, Mount(volume="settings", path=_FOLDER)],
            probe=pod_security.http_probe("/healthz", PORT),
            resources=pod_security.sizes(cpu="20m", memory="112Mi", memory_limit="192Mi"),
        )
        return server_pods.pod(
            container,
            volumes=[{"name": "settings", "config_map": {"name": settings}}],
            service_account=ACCOUNT,
        )
