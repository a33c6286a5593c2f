"""A controller beside the pipelines API: one reports what became of runs, one starts recurring runs."""

from dataclasses import dataclass, field
from enum import StrEnum

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.pipelines.pipelines_api_server import GRPC_PORT, HTTP_PORT, MANIFESTS, MODULE, PROJECT
from components.shapes import network_policies, pod_inputs, pod_security, server_pods
from components.shapes.access_rights import AccessRights
from components.shapes.labels import labels, selector
from components.versions import python_version

_TOKENS = "/var/run/secrets/kubeflow/tokens"
_AUDIENCE = "pipelines.kubeflow.org"


class AgentKind(StrEnum):
    """What the agent does."""

    REPORTER = "persistence-agent"
    SCHEDULER = "scheduled-workflow-controller"


@dataclass(frozen=True, kw_only=True)
class _Program:
    upstream_name: str
    command: tuple[str, ...]

    @property
    def object_name(self) -> str:
        return f"ml-pipeline-{self.upstream_name}"


_PROGRAMS = {
    AgentKind.REPORTER: _Program(
        upstream_name="persistenceagent",
        command=(
            "persistence_agent",
            "--logtostderr=true",
            "--ttlSecondsAfterWorkflowFinish=86400",
            "--numWorker=2",
            "--executionType=Workflow",
        ),
    ),
    AgentKind.SCHEDULER: _Program(
        upstream_name="scheduledworkflow", command=("controller", "--logtostderr=true")
    ),
}


@dataclass(frozen=True, kw_only=True)
class PipelinesAgentArgs:
    """What an agent needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace, with the pipelines API in it; the agent sees no other."""
    kind: AgentKind
    """What it does."""
    image: str
    """The agent's image."""
    server: network_policies.Peer
    """The pods of the pipelines API."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""


def token_volume(upstream_name: str) -> kubernetes.core.v1.VolumeArgsDict:
    """Return the volume with the token that an agent shows to the API server, under upstream's file name."""
    token: kubernetes.core.v1.ServiceAccountTokenProjectionArgsDict = {
        "path": f"{upstream_name}-sa-token",
        "expiration_seconds": 3600,
        "audience": _AUDIENCE,
    }
    return {"name": "token", "projected": {"sources": [{"service_account_token": token}]}}


class PipelinesAgent(pulumi.ComponentResource):
    """One agent with its own account; it ends at once where the pipelines API or its kinds are missing."""

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: PipelinesAgentArgs, opts: ResourceOptions | None = None) -> None:
        release = python_version("kfp")
        super().__init__(
            "plinth:index:PipelinesAgent", name, {"kind": args.kind.value, "version": release}, opts
        )
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._program = _PROGRAMS[args.kind]
        own = labels("kubeflow-pipelines", name, args.kind.value, version=release)
        self._labels = {**own, **args.extra_labels}
        self._metadata: kubernetes.meta.v1.ObjectMetaArgsDict = {
            "name": self._program.object_name,
            "namespace": args.namespace,
            "labels": self._labels,
        }
        self._selector = selector("kubeflow-pipelines", name)
        agent = self._deployment([self._network_policy(), *self._rights()])
        self.namespace = agent.metadata["namespace"]
        self.register_outputs({"namespace": self.namespace})

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._metadata,
            spec=network_policies.exception(
                self._selector,
                outgoing=[
                    network_policies.api_server(),
                    network_policies.egress([self._args.server], HTTP_PORT, GRPC_PORT),
                ],
            ),
            opts=self._child,
        )

    def _rights(self) -> list[pulumi.Resource]:
        object_name = self._program.object_name
        upstream = manifests.load(PROJECT, MODULE, f"{MANIFESTS}/{object_name}-role.yaml")
        rules = manifests.find(upstream, "Role", f"{object_name}-role")["rules"]
        access = AccessRights(
            component=self._name,
            account=object_name,
            namespace=self._args.namespace,
            labels=self._labels,
            parent=self,
        )
        return [access.service_account(), access.in_namespace(rules, name=object_name)]

    def _deployment(self, after: list[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        program = self._program
        # No probe: neither agent answers any. A stuck one shows in runs whose state no longer changes.
        container = server_pods.container(
            program.object_name,
            self._args.image,
            [*program.command, pulumi.Output.concat("--namespace=", self._args.namespace)],
            env=pod_inputs.plain_env({"CRON_SCHEDULE_TIMEZONE": "UTC"}),
            mounts={"token": _TOKENS},
            resources=pod_security.sizes(cpu="20m", memory="64Mi", memory_limit="256Mi"),
        )
        return kubernetes.apps.v1.Deployment(
            f"{self._name}-agent",
            metadata=self._metadata,
            spec=server_pods.deployment(
                selector=self._selector,
                labels=self._labels,
                container=container,
                volumes=[token_volume(program.upstream_name)],
                service_account=program.object_name,
            ),
            opts=ResourceOptions(parent=self, depends_on=after),
        )
