"""A team's workspace of MLflow, which is an address of its own."""

from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions

from components.tracking import workspace_proxy
from components.tracking.workspace_proxy import WorkspaceProxyArgs


@dataclass(frozen=True, kw_only=True)
class TeamWorkspaceArgs:
    """Inputs of `TeamWorkspace`."""

    namespace: pulumi.Input[str]
    """Namespace of MLflow."""
    proxy: WorkspaceProxyArgs
    """What every workspace's proxy needs."""
    after: tuple[pulumi.Resource, ...]
    """Resources that make the workspace."""


class TeamWorkspace(pulumi.ComponentResource):
    """The proxy, the Service and the routes of one workspace."""

    tracking_uri: pulumi.Output[str]

    def __init__(self, name: str, args: TeamWorkspaceArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:TeamWorkspace", name, {"workspace": args.proxy.workspace}, opts)
        owner = workspace_proxy.owner(self, name, args.namespace)
        service = workspace_proxy.deploy(owner, name, args.proxy, after=args.after)
        self.tracking_uri = workspace_proxy.url(service)
        self.register_outputs({"tracking_uri": self.tracking_uri})
