"""The JobSet controller: it creates the Jobs of a training together, and starts them again together."""

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

METRICS_PORT = 8443
"""Served over TLS with the webhooks' certificate."""
POD_LABELS: Final[Mapping[str, str]] = {NAME: "jobset", COMPONENT: "controller"}
ACCOUNT: Final = controllers.account("jobset")
"""Its service account."""
_CERTIFICATE_FOLDER = "/etc/jobset/webhook"
_PROJECT = "jobset"
_MODULE = "sigs.k8s.io/jobset"
_RIGHTS = "config/components/rbac"
# What upstream grants for features that are left out: its own certificates, a node or a topology of a Job's
# own, and volumes that it makes for a training.
_NEEDLESS = ("*.admissionregistration.k8s.io", "nodes", "persistentvolumeclaims")
_EVERYWHERE = ("events", "events.events.k8s.io")
# They are called for every pod of the cluster, for the sake of Jobs with a topology of their own.
_WEBHOOKS_OF_PODS = frozenset({"mpod.kb.io", "vpod.kb.io"})


def definitions() -> list[manifests.Manifest]:
    """Return the definition of JobSets."""
    return controllers.lean(manifests.load(_PROJECT, _MODULE, "config/components/crd/bases/*.yaml"))


def rights() -> Split:
    """Return the controller's rules; it only reads pods."""
    role = manifests.find(
        manifests.load(_PROJECT, _MODULE, f"{_RIGHTS}/role.yaml"), "ClusterRole", "manager-role"
    )
    metrics = manifests.load(_PROJECT, _MODULE, f"{_RIGHTS}/auth_proxy_role.yaml")
    found = controllers.split(role["rules"], needless=_NEEDLESS, everywhere=_EVERYWHERE)
    return Split(
        # It serves metrics only to clients whose token it has reviewed.
        everywhere=[*found.everywhere, *manifests.find(metrics, "ClusterRole", "proxy-role")["rules"]],
        in_runs=[each for each in found.in_runs if each["resources"] != ["pods"]],
    )


def webhook_host(namespace: str) -> str:
    """Return the host name that the webhooks' certificate must be for."""
    return webhook_server.host(controllers.webhook_service("jobset"), namespace)


def settings() -> dict[str, Any]:
    """Return the controller's configuration."""
    return {
        "apiVersion": "config.jobset.x-k8s.io/v1alpha1",
        "kind": "Configuration",
        "health": {"healthProbeBindAddress": f":{HEALTH_PORT}"},
        "metrics": {"bindAddress": f":{METRICS_PORT}", "certDir": _CERTIFICATE_FOLDER},
        "webhook": {"port": webhook_server.PORT, "certDir": _CERTIFICATE_FOLDER},
        "leaderElection": {"leaderElect": True, "resourceName": "jobset.plinth.dev"},
        "internalCertManagement": {"enable": False},
    }


def webhooks(namespace: str, ca: str) -> dict[str, list[dict[str, Any]]]:
    """Return the webhooks of JobSets by "kind name", pointed at our Service and certificate authority."""
    return controllers.registered(
        manifests.load(_PROJECT, _MODULE, "config/components/webhook/manifests.yaml"),
        product="jobset",
        namespace=namespace,
        ca=ca,
        without=_WEBHOOKS_OF_PODS,
    )


class JobSetController(pulumi.ComponentResource):
    """The controller, its definition and its webhooks."""

    ready: list[pulumi.Resource]
    """The registered webhooks: JobSets come after them."""

    def __init__(self, name: str, args: TrainingControllerArgs, opts: ResourceOptions | None = None) -> None:
        version = upstream_version(_PROJECT, _MODULE)
        super().__init__("plinth:index:JobSetController", name, {"version": version}, opts)
        self.ready = controllers.deploy(
            self,
            name,
            args,
            Program(
                product="jobset",
                version=version,
                flags=("--zap-devel=false",),
                settings=settings(),
                definitions=definitions(),
                rights=rights(),
                webhooks=webhooks,
                certificate_folder=_CERTIFICATE_FOLDER,
                metrics_port=METRICS_PORT,
            ),
        )
        self.register_outputs({})
