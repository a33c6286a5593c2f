"""Training on several nodes: the two controllers, the runtimes, and every namespace of runs opened for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.shapes import network_policies
from components.shapes.labels import labels
from components.shapes.server_certificate import ServerCertificate
from components.training import runtimes
from components.training.controllers import TrainingControllerArgs
from components.training.jobset_controller import JobSetController
from components.training.trainer_controller import TrainerController
from components.training.training_jobs import TrainingJobs, TrainingJobsArgs


@dataclass(frozen=True, kw_only=True)
class DistributedTrainingArgs:
    """Inputs of `DistributedTraining`."""

    namespace: pulumi.Input[str]
    """Namespace of the controllers, closed by default."""
    jobset_image: str
    trainer_image: str
    nodes_image: str
    """Image of the nodes of every runtime."""
    jobset_certificate: ServerCertificate
    """Issued for `jobset_controller.webhook_host(namespace)`."""
    trainer_certificate: ServerCertificate
    """Issued for `trainer_controller.webhook_host(namespace)`."""
    runs: Mapping[str, pulumi.Input[str]]
    """Namespaces in which trainings may be, by name."""
    destinations: tuple[network_policies.EgressRule, ...]
    """Where nodes may connect to, besides each other."""
    queues: frozenset[str] = frozenset()
    """Those of `runs` that have a ClusterQueue of their name."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape the metrics."""

    def __post_init__(self) -> None:
        """Reject a training that could be nowhere."""
        if not self.runs:
            raise ValueError("runs: none given; name the namespaces of runs")


class DistributedTraining(pulumi.ComponentResource):
    """Kubeflow Trainer, for the namespaces of runs alone."""

    def __init__(self, name: str, args: DistributedTrainingArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:DistributedTraining", name, {"runs": sorted(args.runs)}, opts)
        child = ResourceOptions(parent=self)
        # What a controller may change is there before it looks for something to do.
        opened: list[pulumi.Resource] = [
            TrainingJobs(
                f"{name}-{each}",
                TrainingJobsArgs(
                    namespace=namespace,
                    controllers_namespace=args.namespace,
                    destinations=args.destinations,
                    queue=each if each in args.queues else "",
                ),
                child,
            )
            for each, namespace in args.runs.items()
        ]
        jobset = JobSetController(
            f"{name}-jobset",
            _controller(args, args.jobset_image, args.jobset_certificate),
            ResourceOptions(parent=self, depends_on=opened),
        )
        # It looks for the definition of JobSets once, at its start.
        trainer = TrainerController(
            f"{name}-trainer",
            _controller(args, args.trainer_image, args.trainer_certificate),
            ResourceOptions(parent=self, depends_on=[*opened, jobset]),
        )
        _runtime(
            name, runtimes.xgboost(args.nodes_image), ResourceOptions(parent=self, depends_on=trainer.ready)
        )
        self.register_outputs({})


def _controller(
    args: DistributedTrainingArgs, image: str, certificate: ServerCertificate
) -> TrainingControllerArgs:
    return TrainingControllerArgs(
        namespace=args.namespace, image=image, webhook_certificate=certificate, scrapers=args.scrapers
    )


def _runtime(name: str, rendered: dict[str, Any], opts: ResourceOptions) -> None:
    metadata = rendered["metadata"]
    kubernetes.apiextensions.CustomResource(
        f"{name}-runtime-{metadata['name']}",
        api_version=rendered["apiVersion"],
        kind=rendered["kind"],
        metadata={
            "name": metadata["name"],
            # The SDK finds the framework of a runtime by upstream's label.
            "labels": {**metadata["labels"], **labels("trainer", name, "runtimes")},
        },
        spec=rendered["spec"],
        opts=opts,
    )
