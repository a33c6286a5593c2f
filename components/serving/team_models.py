"""Models of a team: what they need in the team's namespace."""

from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from components.serving import model_namespace
from components.serving.model_namespace import ModelNamespaceArgs


@dataclass(frozen=True, kw_only=True)
class TeamModelsArgs:
    """Inputs of `TeamModels`."""

    namespace: pulumi.Input[str]
    """Namespace of the team, which denies traffic by default."""
    models: ModelNamespaceArgs
    """What models need in any namespace."""


class TeamModels(pulumi.ComponentResource):
    """The account, rights and policies of a team's models; the platform's one controller makes them."""

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: TeamModelsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:TeamModels", name, {}, opts)
        self.namespace = model_namespace.deploy(self, name, args.namespace, args.models).namespace
        self.register_outputs({"namespace": self.namespace})
