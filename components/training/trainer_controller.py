"""The controller of Kubeflow Trainer: it makes a JobSet of a TrainJob and the runtime that it names."""

from collections.abc import Mapping
from typing import Any, Final

import pulumi
from pulumi import ResourceOptions

from components import manifests
from components.shapes import webhook_server
from components.shapes.labels import COMPONENT, NAME
from components.training import controllers
from components.training.controllers import HEALTH_PORT, Program, Split, TrainingControllerArgs
from components.versions import upstream_version

METRICS_PORT = 8080
POD_LABELS: Final[Mapping[str, str]] = {NAME: "trainer", COMPONENT: "controller"}
ACCOUNT: Final = controllers.account("trainer")
"""Its service account."""
# Trainer has no setting for this path.
_CERTIFICATE_FOLDER = "/tmp/k8s-webhook-server/serving-certs"
_PROJECT = "trainer"
_MODULE = "github.com/kubeflow/trainer/v2"
_BASE = "manifests/base"
# What upstream grants for what prepare.py leaves out of the program, and for its own certificates; the lease
# is in its own namespace.
_NEEDLESS = (
    "*.admissionregistration.k8s.io",
    "*.coordination.k8s.io",
    "*.node.k8s.io",
    "*.scheduling.volcano.sh",
    "*.scheduling.x-k8s.io",
    "limitranges",
    "secrets",
)
# A runtime that a TrainJob names is kept by a finalizer.
_EVERYWHERE = (
    "events",
    "events.events.k8s.io",
    "clustertrainingruntimes.trainer.kubeflow.org",
    "clustertrainingruntimes/finalizers.trainer.kubeflow.org",
)


def definitions() -> list[manifests.Manifest]:
    """Return the definitions of TrainJobs and of their runtimes."""
    return controllers.lean(manifests.load(_PROJECT, _MODULE, f"{_BASE}/crds/trainer.kubeflow.org_*.yaml"))


def rights() -> Split:
    """Return the controller's rules.

    It asks for the ConfigMaps that it has written, and watches none.
    """
    role = manifests.find(
        manifests.load(_PROJECT, _MODULE, f"{_BASE}/rbac/role.yaml"),
        "ClusterRole",
        "kubeflow-trainer-controller-manager",
    )
    found = controllers.split(role["rules"], needless=_NEEDLESS, everywhere=_EVERYWHERE)
    config_maps = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}
    return Split(
        everywhere=[each for each in found.everywhere if each["resources"] != ["configmaps"]],
        in_runs=[config_maps, *found.in_runs],
    )


def webhook_host(namespace: str) -> str:
    """Return the host name that the webhooks' certificate must be for."""
    return webhook_server.host(controllers.webhook_service("trainer"), namespace)


def settings() -> dict[str, Any]:
    """Return the controller's configuration."""
    return {
        "apiVersion": "config.trainer.kubeflow.org/v1alpha1",
        "kind": "Configuration",
        "health": {"healthProbeBindAddress": f":{HEALTH_PORT}"},
        "metrics": {"bindAddress": f":{METRICS_PORT}", "secureServing": False},
        "webhook": {"port": webhook_server.PORT},
        "leaderElection": {
            "leaderElect": True,
            "resourceName": "trainer.plinth.dev",
            # As in every other controller: this one has no defaults where a file is given.
            "leaseDuration": "15s",
            "renewDeadline": "10s",
            "retryPeriod": "2s",
        },
        "certManagement": {"enable": False},
    }


def webhooks(namespace: str, ca: str) -> dict[str, list[dict[str, Any]]]:
    """Return the webhooks by "kind name", pointed at our Service and certificate authority."""
    return controllers.registered(
        manifests.load(_PROJECT, _MODULE, f"{_BASE}/webhook/manifests.yaml"),
        product="trainer",
        namespace=namespace,
        ca=ca,
    )


class TrainerController(pulumi.ComponentResource):
    """The controller, its definitions and its webhooks; it starts once JobSets are defined."""

    ready: list[pulumi.Resource]
    """The registered webhooks: runtimes and TrainJobs come after them."""

    def __init__(self, name: str, args: TrainingControllerArgs, opts: ResourceOptions | None = None) -> None:
        version = upstream_version(_PROJECT, _MODULE)
        super().__init__("plinth:index:TrainerController", name, {"version": version}, opts)
        self.ready = controllers.deploy(
            self,
            name,
            args,
            Program(
                product="trainer",
                version=version,
                flags=(),
                settings=settings(),
                definitions=definitions(),
                rights=rights(),
                webhooks=webhooks,
                certificate_folder=_CERTIFICATE_FOLDER,
                metrics_port=METRICS_PORT,
            ),
        )
        self.register_outputs({})
