"""KServe for MLflow models: the controller, our runtime and a closed namespace in which models run."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import GatewayConnection, ObjectStoreConnection
from components.serving.kserve_controller import KserveController, KserveControllerArgs
from components.shapes import network_policies, object_store_access
from components.shapes.labels import labels
from components.shapes.platform_namespace import PlatformNamespace, PlatformNamespaceArgs

PORT = 8080
STORAGE = "model-storage"
_API_VERSION = "serving.kserve.io/v1alpha1"
# KServe gives every predictor's pod this label.
_PREDICTOR = {"component": "predictor"}
_USER = 65532


@dataclass(frozen=True, kw_only=True)
class KserveServingArgs:
    """What serving needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace for the controller."""
    controller_image: pulumi.Input[str]
    """KServe's controller."""
    runtime_image: str
    """Our model server for MLflow models."""
    storage_initializer_image: str
    """What copies a model into its pod."""
    gateway: GatewayConnection
    """Where models are published, as `<name>-<namespace>.<domain>`."""
    artifacts: ObjectStoreConnection
    """The bucket of models and an account that may read it."""
    stores: tuple[network_policies.Peer, ...]
    """The pods behind `artifacts`, or their addresses; unused without keys."""
    webhook_ca: pulumi.Input[str]
    """Certificate authority of the webhooks, as PEM."""
    webhook_certificate: pulumi.Input[str]
    """Certificate for `kserve_controller.webhook_host(namespace)`, as PEM."""
    webhook_key: pulumi.Input[str]
    """The certificate's key, as PEM."""
    models_namespace: str = "models"
    """Made here, so that deleting it, models included, comes before the controller goes."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Who may read the metrics of the controller and of models."""
    replicas: int = 1
    """Of the controller."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse models that could not be copied."""
        if not self.stores and not self.artifacts.keyless:
            raise ValueError("stores: none given; models are copied from the object store, name its pods")


def container_context() -> dict[str, Any]:
    """Return the restricted standard at container level: KServe's runtimes have no pod-level settings."""
    return {
        "runAsNonRoot": True,
        "runAsUser": _USER,
        "runAsGroup": _USER,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def runtime_spec(image: str) -> dict[str, Any]:
    """Return the spec of the runtime for MLflow models."""
    ready = {"httpGet": {"path": "/v2/models/{{.Name}}/ready", "port": PORT}, "timeoutSeconds": 5}
    alive = {"httpGet": {"path": "/v2/health/live", "port": PORT}, "timeoutSeconds": 5}
    container: dict[str, Any] = {
        "name": "kserve-container",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": [
            "--model_name={{.Name}}",
            "--model_dir=/mnt/models",
            f"--http_port={PORT}",
            "--enable_grpc=false",
        ],
        "ports": [{"containerPort": PORT, "protocol": "TCP"}],
        "startupProbe": {**alive, "periodSeconds": 1, "failureThreshold": 180},
        # KServe's own, a TCP check every ten seconds, is true before the model is loaded.
        "readinessProbe": {**ready, "periodSeconds": 1, "failureThreshold": 3},
        "livenessProbe": {**alive, "periodSeconds": 10, "failureThreshold": 6},
        # While it waits its address is withdrawn everywhere: without it a roll-out costs failed requests.
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
        "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": container_context(),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    return {
        # Without priorities: KServe refuses a second runtime with the same one, as the next version would be.
        "supportedModelFormats": [
            {"name": "mlflow", "version": "3", "autoSelect": True},
            {"name": "mlflow", "autoSelect": True},
        ],
        "protocolVersions": ["v1", "v2"],
        "multiModel": False,
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}}],
    }


def runtime_name(spec: dict[str, Any]) -> str:
    """Return a name that changes with the spec: editing a runtime would restart every model at once."""
    return f"mlflow-{hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:8]}"


def storage_container_spec(image: str) -> dict[str, Any]:
    """Return the spec of what copies a model from S3; KServe appends source and target to its command."""
    return {
        "container": {
            "name": "storage-initializer",
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
            "securityContext": container_context(),
        },
        "supportedUriFormats": [{"prefix": "s3://"}],
        "workloadType": "initContainer",
    }


class KserveServing(pulumi.ComponentResource):
    """The controller, the runtime and the namespace of models."""

    models_namespace: pulumi.Output[str]
    service_account: pulumi.Output[str]
    serving_runtime: pulumi.Output[str]
    url_template: pulumi.Output[str]

    def __init__(self, name: str, args: KserveServingArgs, opts: ResourceOptions | None = None) -> None:
        inputs = {"models_namespace": args.models_namespace, "domain": args.gateway.domain}
        super().__init__("plinth:index:KserveServing", name, inputs, opts)
        self._name = name
        self._args = args
        self._labels = {**labels("kserve", name, "serving"), **args.extra_labels}
        self._runtime_spec = runtime_spec(args.runtime_image)
        self._runtime_name = runtime_name(self._runtime_spec)
        controller = self._controller()
        runtime = self._runtime(controller)
        storage = self._storage_container(controller)
        namespace = PlatformNamespace(
            f"{name}-models",
            PlatformNamespaceArgs(
                namespace=args.models_namespace,
                extra_labels=args.extra_labels,
                after=(controller, runtime, storage),
            ),
            ResourceOptions(parent=self),
        )
        account = self._account(namespace.namespace)
        policy = self._network_policy(namespace.namespace)
        ready = pulumi.Output.all(account.metadata["namespace"], policy.metadata["namespace"])
        # Taken from what a model needs, so that none is deployed before it could run.
        self.models_namespace = ready.apply(lambda found: str(found[0]))
        self.service_account = account.metadata["name"]
        self.serving_runtime = runtime.id.apply(lambda _: self._runtime_name)
        self.url_template = self.models_namespace.apply(
            lambda found: f"http://{{name}}-{found}.{args.gateway.domain}"
        )
        self.register_outputs({"serving_runtime": self.serving_runtime, "url_template": self.url_template})

    def _controller(self) -> KserveController:
        args = self._args
        return KserveController(
            f"{self._name}-controller",
            KserveControllerArgs(
                namespace=args.namespace,
                image=args.controller_image,
                storage_initializer_image=args.storage_initializer_image,
                gateway=args.gateway,
                webhook_ca=args.webhook_ca,
                webhook_certificate=args.webhook_certificate,
                webhook_key=args.webhook_key,
                scrapers=args.scrapers,
                replicas=args.replicas,
                extra_labels=args.extra_labels,
            ),
            ResourceOptions(parent=self),
        )

    def _runtime(self, controller: KserveController) -> kubernetes.apiextensions.CustomResource:
        object_name = self._runtime_name
        return kubernetes.apiextensions.CustomResource(
            # A resource per version; models keep the runtime that they name until they are deployed anew.
            f"{self._name}-runtime-{object_name}",
            api_version=_API_VERSION,
            kind="ClusterServingRuntime",
            metadata={"name": object_name, "labels": self._labels},
            spec=self._runtime_spec,
            opts=ResourceOptions(parent=self, depends_on=[controller], retain_on_delete=True),
        )

    def _storage_container(self, controller: KserveController) -> kubernetes.apiextensions.CustomResource:
        return kubernetes.apiextensions.CustomResource(
            f"{self._name}-storage-container",
            api_version=_API_VERSION,
            kind="ClusterStorageContainer",
            metadata={"name": "default", "labels": self._labels},
            spec=storage_container_spec(self._args.storage_initializer_image),
            opts=ResourceOptions(parent=self, depends_on=[controller]),
        )

    def _account(self, namespace: pulumi.Input[str]) -> kubernetes.core.v1.ServiceAccount:
        secret = None if self._args.artifacts.keyless else self._keys(namespace)
        return kubernetes.core.v1.ServiceAccount(
            f"{self._name}-storage-account",
            metadata={"name": STORAGE, "namespace": namespace, "labels": self._labels},
            automount_service_account_token=False,
            secrets=None if secret is None else [{"name": secret.metadata["name"]}],
            opts=ResourceOptions(parent=self),
        )

    def _keys(self, namespace: pulumi.Input[str]) -> kubernetes.core.v1.Secret:
        artifacts = self._args.artifacts
        annotations: dict[str, pulumi.Input[str]] = {
            "serving.kserve.io/s3-endpoint": artifacts.endpoint,
            "serving.kserve.io/s3-region": artifacts.region,
            "serving.kserve.io/s3-usehttps": "1" if artifacts.secure else "0",
            "serving.kserve.io/s3-usevirtualbucket": "0",
        }
        return kubernetes.core.v1.Secret(
            f"{self._name}-storage-secret",
            metadata={
                "name": STORAGE,
                "namespace": namespace,
                "labels": self._labels,
                "annotations": annotations,
            },
            string_data={
                "AWS_ACCESS_KEY_ID": pulumi.Output.secret(artifacts.access_key or ""),
                "AWS_SECRET_ACCESS_KEY": pulumi.Output.secret(artifacts.secret_key or ""),
            },
            opts=ResourceOptions(parent=self),
        )

    def _network_policy(self, namespace: pulumi.Input[str]) -> kubernetes.networking.v1.NetworkPolicy:
        args = self._args
        gateway = network_policies.in_namespace(args.gateway.namespace)
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-predictors-policy",
            metadata={"name": "predictors", "namespace": namespace, "labels": self._labels},
            spec=network_policies.exception(
                _PREDICTOR,
                incoming=[network_policies.ingress([gateway, *args.scrapers], PORT)],
                outgoing=object_store_access.egress(args.artifacts, args.stores),
            ),
            opts=ResourceOptions(parent=self),
        )
