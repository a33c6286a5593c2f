"""What a namespace needs for experiments: rights of controller and steps, an account, network access."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgsDict

from components.shapes import network_policies
from components.shapes.access_rights import AccessRights
from components.shapes.labels import COMPONENT, NAME
from components.shapes.owner import Owner
from components.tuning import katib_controller, metric_store
from workloads.contract import TRIAL_LABEL

_SUGGESTION_LABEL: Final = "katib.kubeflow.org/suggestion"
_CONTROLLER: Final[Mapping[str, str]] = {NAME: "katib", COMPONENT: "controller"}


@dataclass(frozen=True, kw_only=True)
class ExperimentNamespaceArgs:
    """Inputs of `ExperimentNamespace`."""

    namespace: pulumi.Input[str]
    """Namespace of runs, the stack's own or a team's."""
    core_namespace: pulumi.Input[str]
    """Namespace of Katib."""
    steps_account: str
    """Account of pipeline steps, which create experiments."""
    destinations: tuple[network_policies.EgressRule, ...]
    """Where trials may connect to besides the store of metrics: the tracking server."""


def trial_peer(namespace: pulumi.Input[str]) -> network_policies.Peer:
    """Return the pods of trials in a namespace."""
    return {"pod_selector": _labelled(TRIAL_LABEL), **network_policies.in_namespace(namespace)}


def step_rights() -> list[Any]:
    """Return what steps may do with experiments of their own namespace; Katib does everything else."""
    return [
        {
            "api_groups": ["kubeflow.org"],
            "resources": ["experiments"],
            "verbs": ["get", "watch", "create", "delete"],
        }
    ]


def _labelled(label: str) -> LabelSelectorArgsDict:
    return {"match_expressions": [{"key": label, "operator": "Exists"}]}


class ExperimentNamespace(pulumi.ComponentResource):
    """Rights, an account and network policies in one namespace."""

    def __init__(self, name: str, args: ExperimentNamespaceArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:ExperimentNamespace", name, {"namespace": args.namespace}, opts)
        self._name = name
        self._args = args
        self._owner = Owner.of_product(self, name, args.namespace, product="katib", role="experiments")
        self._access()
        self._policy("suggestions", self._suggestions())
        self._policy("trials", self._trials())
        self.register_outputs({})

    def _access(self) -> None:
        AccessRights(
            owner=self._owner,
            account=katib_controller.ACCOUNT,
            account_namespace=self._args.core_namespace,
        ).in_namespace(
            katib_controller.namespace_rights(), name="katib-controller", resource=f"{self._name}-controller"
        )
        AccessRights(owner=self._owner, account=self._args.steps_account).in_namespace(
            step_rights(), name="pipeline-experiments", resource=f"{self._name}-steps"
        )
        AccessRights(owner=self._owner, account=katib_controller.SUGGESTIONS_ACCOUNT).service_account()

    def _suggestions(self) -> network_policies.Spec:
        controller = network_policies.pods(_CONTROLLER, self._args.core_namespace)
        return {
            "pod_selector": _labelled(_SUGGESTION_LABEL),
            "policy_types": ["Ingress"],
            "ingress": [network_policies.ingress([controller], katib_controller.SUGGESTIONS_PORT)],
        }

    def _trials(self) -> network_policies.Spec:
        store = network_policies.pods(metric_store.POD_LABELS, self._args.core_namespace)
        return {
            "pod_selector": _labelled(TRIAL_LABEL),
            "policy_types": ["Egress"],
            "egress": [network_policies.egress([store], metric_store.PORT), *self._args.destinations],
        }

    def _policy(self, role: str, spec: network_policies.Spec) -> None:
        kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-{role}-policy",
            metadata=self._owner.metadata(f"katib-{role}"),
            spec=spec,
            opts=self._owner.child(),
        )
