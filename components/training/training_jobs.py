"""What a namespace of runs needs for training on several nodes: rights, network access, admission of pods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.pipelines import step_admission
from components.pipelines.pipeline_steps import ACCOUNT as STEPS_ACCOUNT
from components.shapes import admission, network_policies
from components.shapes.access_rights import AccessRights
from components.shapes.labels import labels
from components.shapes.owner import Owner
from components.training import jobset_controller, trainer_controller
from components.training.runtimes import NODE_LABEL
from workloads.contract import TRAIN_JOBS, TRAINING_API

JOBSET_LABEL: Final = "jobset.sigs.k8s.io/jobset-name"
"""JobSet labels every pod of a training with it."""
_NODES_ACCOUNT: Final = "default"


@dataclass(frozen=True, kw_only=True)
class TrainingJobsArgs:
    """Inputs of `TrainingJobs`."""

    namespace: pulumi.Input[str]
    """Namespace of runs, closed by default."""
    controllers_namespace: pulumi.Input[str]
    """Namespace of the controllers."""
    destinations: tuple[network_policies.EgressRule, ...]
    """Where nodes may connect to, besides each other."""
    queue: str = ""
    """Kueue's ClusterQueue of the namespace, whose quota steps read; empty if it has none."""

    def __post_init__(self) -> None:
        """Reject nodes that could not say what they have learned."""
        if not self.destinations:
            raise ValueError("destinations: none given; nodes need the tracking server")


def step_rules() -> list[kubernetes.rbac.v1.PolicyRuleArgsDict]:
    """Return what steps may do with trainings of their own namespace, and read of their nodes."""
    group = TRAINING_API[0]
    return [
        {
            "api_groups": [group],
            "resources": [TRAIN_JOBS],
            "verbs": ["get", "list", "watch", "create", "delete"],
        },
        {"api_groups": [group], "resources": ["trainingruntimes"], "verbs": ["get", "list"]},
        {"api_groups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
        {"api_groups": [""], "resources": ["pods/log"], "verbs": ["get"]},
        # Whether the quota has room for all nodes, and why they wait.
        {"api_groups": [""], "resources": ["resourcequotas"], "verbs": ["list"]},
        {"api_groups": ["kueue.x-k8s.io"], "resources": ["localqueues"], "verbs": ["get"]},
        {"api_groups": ["kueue.x-k8s.io"], "resources": ["workloads"], "verbs": ["list"]},
    ]


def runtime_rules(queue: str) -> list[kubernetes.rbac.v1.PolicyRuleArgsDict]:
    """Return what steps may read that belongs to no namespace.

    Args:
        queue: The ClusterQueue of their namespace; empty if it has none.
    """
    runtimes: kubernetes.rbac.v1.PolicyRuleArgsDict = {
        "api_groups": [TRAINING_API[0]],
        "resources": ["clustertrainingruntimes"],
        "verbs": ["get", "list"],
    }
    quota: kubernetes.rbac.v1.PolicyRuleArgsDict = {
        "api_groups": ["kueue.x-k8s.io"],
        "resources": ["clusterqueues"],
        "resource_names": [queue],
        "verbs": ["get"],
    }
    return [runtimes, *([quota] if queue else [])]


def node_policy(namespace: str) -> dict[str, Any]:
    """Return the admission policy for nodes: a TrainJob may patch their account, labels and priority."""
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {
            **admission.created_pods_in(namespace),
            "objectSelector": {"matchExpressions": [{"key": JOBSET_LABEL, "operator": "Exists"}]},
        },
        "validations": step_admission.validations(_NODES_ACCOUNT, "training node"),
    }


class TrainingJobs(pulumi.ComponentResource):
    """The rights, the network policy and the admission policy of trainings in one namespace."""

    def __init__(self, name: str, args: TrainingJobsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:TrainingJobs", name, {}, opts)
        self._name = name
        self._args = args
        self._owner = Owner(
            component=name,
            namespace=args.namespace,
            labels=labels("trainer", name, "jobs"),
            selector={NODE_LABEL: "true"},
            parent=self,
        )
        self._controllers()
        self._steps()
        self._network_policy()
        spec = pulumi.Output.from_input(args.namespace).apply(node_policy)
        admission.deploy(self._owner, "Validating", f"{name}-nodes", spec)
        self.register_outputs({})

    def _controllers(self) -> None:
        """Let the controllers change what they only read elsewhere."""
        found: Mapping[str, Sequence[Any]] = {
            jobset_controller.ACCOUNT: jobset_controller.rights().in_runs,
            trainer_controller.ACCOUNT: trainer_controller.rights().in_runs,
        }
        for account, rules in found.items():
            access = AccessRights(
                owner=self._owner, account=account, account_namespace=self._args.controllers_namespace
            )
            access.in_namespace([*rules], name=account, resource=f"{self._name}-{account}")

    def _steps(self) -> None:
        access = AccessRights(owner=self._owner, account=STEPS_ACCOUNT)
        access.in_namespace(step_rules(), name="pipeline-training", resource=f"{self._name}-steps")
        access.in_cluster(
            runtime_rules(self._args.queue), name=f"{self._name}-runtimes", resource=f"{self._name}-runtimes"
        )

    def _network_policy(self) -> None:
        """Open nodes to each other: their libraries choose the ports."""
        together: network_policies.Peer = network_policies.pods(self._owner.selector)
        kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._owner.metadata("training-nodes"),
            spec=network_policies.exception(
                self._owner.selector,
                incoming=[{"from_": [together]}],
                outgoing=[{"to": [together]}, *self._args.destinations],
            ),
            opts=self._owner.child(),
        )
