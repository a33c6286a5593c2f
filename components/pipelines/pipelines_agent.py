"""A controller of the pipelines API: one kind reports the state of runs, one starts recurring runs."""

from dataclasses import dataclass
from enum import StrEnum

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.pipelines.pipelines_api_server import GRPC_PORT, HTTP_PORT, MANIFESTS, MODULE, PROJECT
from components.shapes import network_policies, pod_inputs, pod_security, server_pods
from components.shapes.access_rights import AccessRights
from components.shapes.owner import Owner
from components.shapes.server_pods import TMP, Mount
from components.versions import python_version

_TOKENS = "/var/run/secrets/kubeflow/tokens"
_AUDIENCE = "pipelines.kubeflow.org"


class AgentKind(StrEnum):
    """The two agents, by the name of their image."""

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
    """Inputs of `PipelinesAgent`."""

    namespace: pulumi.Input[str]
    """Namespace of the pipelines API, which denies traffic by default."""
    runs_namespace: pulumi.Input[str]
    """Namespace of the runs; the agent sees no other."""
    kind: AgentKind
    """Which of the agents."""
    image: str
    """Image of the agent."""
    server: network_policies.Peer
    """Pods of the pipelines API."""


def token_volume(upstream_name: str) -> kubernetes.core.v1.VolumeArgsDict:
    """Return the volume with the agent's token for the API server, under upstream's file name."""
    token: kubernetes.core.v1.ServiceAccountTokenProjectionArgsDict = {
        "path": f"{upstream_name}-sa-token",
        "expiration_seconds": 3600,
        "audience": _AUDIENCE,
    }
    return {"name": "token", "projected": {"sources": [{"service_account_token": token}]}}


class PipelinesAgent(pulumi.ComponentResource):
    """One agent with its own account; it exits at once if the pipelines API or its kinds are missing."""

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: PipelinesAgentArgs, opts: ResourceOptions | None = None) -> None:
        release = python_version("kfp")
        super().__init__(
            "plinth:index:PipelinesAgent", name, {"kind": args.kind.value, "version": release}, opts
        )
        self._args = args
        self._program = _PROGRAMS[args.kind]
        self._owner = Owner.of_product(
            self, name, args.namespace, product="kubeflow-pipelines", role=args.kind.value, version=release
        )
        agent = server_pods.deploy(
            self._owner,
            self._pod(),
            role="agent",
            name=self._program.object_name,
            after=[self._network_policy(), *self._rights()],
        )
        self.namespace = agent.metadata["namespace"]
        self.register_outputs({"namespace": self.namespace})

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._owner.component}-policy",
            metadata=self._owner.metadata(self._program.object_name),
            spec=network_policies.exception(
                self._owner.selector,
                outgoing=[
                    network_policies.api_server(),
                    network_policies.egress([self._args.server], HTTP_PORT, GRPC_PORT),
                ],
            ),
            opts=self._owner.child(),
        )

    def _rights(self) -> list[pulumi.Resource]:
        object_name = self._program.object_name
        upstream = manifests.load(PROJECT, MODULE, f"{MANIFESTS}/{object_name}-role.yaml")
        rules = manifests.find(upstream, "Role", f"{object_name}-role")["rules"]
        access = AccessRights(owner=self._owner, account=object_name)
        in_runs = access.elsewhere(self._args.runs_namespace)
        return [access.service_account(), in_runs.in_namespace(rules, name=object_name)]

    def _pod(self) -> kubernetes.core.v1.PodSpecArgsDict:
        program = self._program
        # No probe: neither agent serves one. A stuck agent shows in runs whose state no longer changes.
        container = server_pods.container(
            program.object_name,
            self._args.image,
            [*program.command, pulumi.Output.concat("--namespace=", self._args.runs_namespace)],
            env=pod_inputs.plain_env({"CRON_SCHEDULE_TIMEZONE": "UTC"}),
            mounts=(TMP, Mount(volume="token", path=_TOKENS)),
            resources=pod_security.sizes(cpu="20m", memory="64Mi", memory_limit="256Mi"),
        )
        return server_pods.pod(
            container,
            volumes=[token_volume(program.upstream_name)],
            service_account=program.object_name,
        )
