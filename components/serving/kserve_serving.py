"""KServe for MLflow models: the controller, our runtimes, and a namespace in which models run."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.connections import GatewayConnection, ObjectStoreConnection
from components.serving import model_namespace
from components.serving.kserve_controller import KserveController, KserveControllerArgs
from components.serving.model_namespace import PORT, RUNTIMES, ModelNamespaceArgs
from components.serving.recording import Recording
from components.serving.runtime_families import DEFAULT, RuntimeFamily, described
from components.shapes import network_policies, pod_security
from components.shapes.labels import labels
from components.shapes.platform_namespace import PlatformNamespace, PlatformNamespaceArgs
from components.shapes.server_certificate import ServerCertificate
from workloads.contract import MODEL_LABEL

_API_VERSION = "serving.kserve.io/v1alpha1"
# KServe fills in a Go template with the metadata of the service. A version of a model answers as its model; a
# label, unlike an annotation, has no character that could end the text around it.
_MODEL_NAME = f"{{{{with index .Labels `{MODEL_LABEL}`}}}}{{{{.}}}}{{{{else}}}}{{{{.Name}}}}{{{{end}}}}"


@dataclass(frozen=True, kw_only=True)
class KserveServingArgs:
    """Inputs of `KserveServing`."""

    namespace: pulumi.Input[str]
    """Namespace of the controller; it denies traffic by default."""
    controller_image: pulumi.Input[str]
    """Image of KServe's controller."""
    families: tuple[RuntimeFamily, ...]
    """Packages of models, each family with the image of our model server that holds them."""
    storage_initializer_image: str
    """Image of the init container that copies a model into its pod."""
    gateway: GatewayConnection
    """Gateway that publishes models as `<name>-<namespace>.<domain>`."""
    artifacts: ObjectStoreConnection
    """The bucket that holds the models, and an account that may read it."""
    stores: tuple[network_policies.Peer, ...]
    """Pods or addresses of the object store; unused without keys."""
    webhook_certificate: ServerCertificate
    """Issued for `kserve_controller.webhook_host(namespace)`."""
    models_namespace: str = "models"
    """Created here, so that it is deleted, with its models, before the controller is."""
    clients: tuple[network_policies.Peer, ...] = ()
    """Pods that may call models, in addition to the gateway."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape the metrics of the controller and of models."""
    recording: Recording | None = None
    """What predictors record of requests; without it, nothing."""
    record_readers: tuple[network_policies.Peer, ...] = ()
    """Pods that may read it."""
    replicas: int = 1
    """Pods of the controller."""

    def __post_init__(self) -> None:
        """Reject services that no runtime would serve."""
        if not any(each.name == DEFAULT and each.image for each in self.families):
            raise ValueError(
                f"families: none is {DEFAULT!r} with an image; services without a runtime need it"
            )


def container_context() -> dict[str, Any]:
    """Return the restricted standard for a container: KServe's runtimes have no pod-level settings."""
    return {
        "runAsNonRoot": True,
        "runAsUser": pod_security.USER,
        "runAsGroup": pod_security.USER,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def runtime_spec(image: str, *, automatic: bool = True, recording: Recording | None = None) -> dict[str, Any]:
    """Return the spec of a runtime for MLflow models.

    Args:
        image: Our model server.
        automatic: Whether services that name no runtime get this one.
        recording: What the server records of requests; without it, nothing.
    """
    ready = {"httpGet": {"path": f"/v2/models/{_MODEL_NAME}/ready", "port": PORT}, "timeoutSeconds": 5}
    alive = {"httpGet": {"path": "/v2/health/live", "port": PORT}, "timeoutSeconds": 5}
    container: dict[str, Any] = {
        "name": "kserve-container",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": [
            f"--model_name={_MODEL_NAME}",
            "--model_dir=/mnt/models",
            f"--http_port={PORT}",
            "--enable_grpc=false",
            *(recording.arguments() if recording else ()),
        ],
        # The port of counts is not among them: KServe would add it to the Service, and a Service of two ports
        # needs a name for each. Pods are asked one by one.
        "ports": [{"containerPort": PORT, "protocol": "TCP"}],
        "startupProbe": {**alive, "periodSeconds": 1, "failureThreshold": 180},
        # KServe's default, a TCP check every ten seconds, succeeds before the model is loaded.
        "readinessProbe": {**ready, "periodSeconds": 1, "failureThreshold": 3},
        "livenessProbe": {**alive, "periodSeconds": 10, "failureThreshold": 6},
        # Its endpoint is withdrawn meanwhile; without the pause, requests fail during a rollout.
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
        "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": container_context(),
        # KServe copies the message of a container that ended into the status of the service.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    return {
        # Without priorities: KServe rejects a second runtime of equal priority, such as the next version.
        "supportedModelFormats": [
            {"name": "mlflow", "version": "3", "autoSelect": automatic},
            {"name": "mlflow", "autoSelect": automatic},
        ],
        "protocolVersions": ["v1", "v2"],
        "multiModel": False,
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}}],
    }


def runtime_name(spec: dict[str, Any], family: str = DEFAULT) -> str:
    """Return a name that changes with the spec: to edit a runtime would restart every model at once."""
    prefix = RUNTIMES if family == DEFAULT else f"{RUNTIMES}{family}-"
    return f"{prefix}{hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:8]}"


def storage_container_spec(image: str) -> dict[str, Any]:
    """Return the spec of the container that copies models from S3; KServe appends source and target."""
    return {
        "container": {
            "name": "storage-initializer",
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
            "securityContext": container_context(),
            "terminationMessagePolicy": "FallbackToLogsOnError",
        },
        "supportedUriFormats": [{"prefix": "s3://"}],
        # Predictors of several models have a source and a target for each.
        "supportsMultiModelDownload": True,
        "workloadType": "initContainer",
    }


class KserveServing(pulumi.ComponentResource):
    """The controller, the runtimes and the namespace of models."""

    models_namespace: pulumi.Output[str]
    service_account: pulumi.Output[str]
    serving_runtime: pulumi.Output[str]
    """Name of the default family's runtime."""
    serving_runtimes: pulumi.Output[str]
    """Runtime and packages of each family, as `runtime_families.described` has them."""

    def __init__(self, name: str, args: KserveServingArgs, opts: ResourceOptions | None = None) -> None:
        inputs = {"models_namespace": args.models_namespace, "domain": args.gateway.domain}
        super().__init__("plinth:index:KserveServing", name, inputs, opts)
        self._name = name
        self._args = args
        self._labels = labels("kserve", name, "serving")
        controller = self._controller()
        names: dict[str, str] = {}
        runtimes: list[kubernetes.apiextensions.CustomResource] = []
        for family in (each for each in args.families if each.image):
            spec = runtime_spec(family.image, automatic=family.name == DEFAULT, recording=args.recording)
            names[family.name] = runtime_name(spec, family.name)
            runtimes.append(self._runtime(controller, names[family.name], spec))
        storage = self._storage_container(controller)
        namespace = PlatformNamespace(
            f"{name}-models",
            PlatformNamespaceArgs(
                namespace=args.models_namespace,
                after=(controller, *runtimes, storage),
            ),
            ResourceOptions(parent=self),
        )
        models = model_namespace.deploy(
            self,
            name,
            namespace.namespace,
            ModelNamespaceArgs(
                controller_namespace=args.namespace,
                gateway=args.gateway,
                artifacts=args.artifacts,
                stores=args.stores,
                clients=args.clients,
                scrapers=args.scrapers,
                record_readers=args.record_readers,
            ),
        )
        self.models_namespace, self.service_account = models.namespace, models.service_account
        made = pulumi.Output.all(*(each.id for each in runtimes))
        self.serving_runtime = made.apply(lambda _: names[DEFAULT])
        self.serving_runtimes = made.apply(lambda _: described(args.families, names))
        self.register_outputs({"serving_runtime": self.serving_runtime})

    def _controller(self) -> KserveController:
        args = self._args
        return KserveController(
            f"{self._name}-controller",
            KserveControllerArgs(
                namespace=args.namespace,
                image=args.controller_image,
                storage_initializer_image=args.storage_initializer_image,
                gateway=args.gateway,
                webhook_certificate=args.webhook_certificate,
                scrapers=args.scrapers,
                replicas=args.replicas,
            ),
            ResourceOptions(parent=self),
        )

    def _runtime(
        self, controller: KserveController, object_name: str, spec: dict[str, Any]
    ) -> kubernetes.apiextensions.CustomResource:
        return kubernetes.apiextensions.CustomResource(
            # One resource per version: a model keeps the runtime that it names until it is deployed again.
            f"{self._name}-runtime-{object_name}",
            api_version=_API_VERSION,
            kind="ClusterServingRuntime",
            metadata={"name": object_name, "labels": self._labels},
            spec=spec,
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
