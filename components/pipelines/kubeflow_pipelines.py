"""Kubeflow Pipelines: v2beta1 API, recurring runs and caching in one namespace, and runs in another."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.connections import GatewayConnection, MysqlConnection, ObjectStoreConnection
from components.pipelines import ml_metadata, package_index, pipeline_steps
from components.pipelines import pipelines_api_server as api
from components.pipelines.argo_workflows import ArgoWorkflows, ArgoWorkflowsArgs, StartBounds
from components.pipelines.ml_metadata import MlMetadata, MlMetadataArgs
from components.pipelines.package_index import PackageIndex
from components.pipelines.pipeline_steps import PipelineSteps, PipelineStepsArgs
from components.pipelines.pipelines_agent import AgentKind, PipelinesAgent, PipelinesAgentArgs
from components.pipelines.pipelines_api_server import PipelinesApiServer, PipelinesApiServerArgs
from components.pipelines.step_limits import DefaultLimits
from components.shapes import controller, network_policies, object_store_access
from components.shapes.labels import selector
from components.shapes.owner import Owner
from components.versions import python_version
from workloads.contract import OBJECT_STORE_SECRET, Host, StepVariable


@dataclass(frozen=True, kw_only=True)
class PipelineImages:
    """Images of Kubeflow Pipelines and of the parts that it runs on."""

    api_server: str
    driver: str
    launcher: str
    persistence_agent: str
    scheduler: str
    """The scheduled workflow controller, which starts recurring runs."""
    workflow_controller: str
    executor: str
    """The side-car that Argo adds to every step."""
    metadata: str
    """The server of ML Metadata."""

    def agent(self, kind: AgentKind) -> str:
        """Return the image of an agent."""
        return {AgentKind.REPORTER: self.persistence_agent, AgentKind.SCHEDULER: self.scheduler}[kind]


@dataclass(frozen=True, kw_only=True)
class StepSettings:
    """Endpoints, destinations and rights of pipeline steps beyond Kubeflow Pipelines itself."""

    tracking_uri: pulumi.Input[str]
    """URL of the MLflow server."""
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    """Further environment variables that steps can take from the platform's ConfigMap."""
    destinations: tuple[network_policies.EgressRule, ...] = ()
    """Where steps may connect to, in addition to the pipelines API, the metadata and object stores."""
    api_server: network_policies.EgressRule = field(default_factory=network_policies.api_server)
    """The way to the Kubernetes API; by default to its ports anywhere."""
    models_namespace: pulumi.Input[str] | None = None
    """Namespace in which steps may deploy inference services, if any."""
    package_index: PackageIndex | None = None
    """Where steps install packages from; by default from pip's own index."""
    bounds: StartBounds = field(default_factory=StartBounds)
    """How long a step may be unable to start."""
    limits: DefaultLimits = field(default_factory=DefaultLimits)
    """What a step may use that sets no limit."""
    token: bool = False
    """Whether steps get a token for the platform's login."""


@dataclass(frozen=True, kw_only=True)
class KubeflowPipelinesArgs:
    """Inputs of `KubeflowPipelines`."""

    namespace: pulumi.Input[str]
    """Namespace of the servers, which denies traffic by default and has no others of their kind."""
    runs_namespace: pulumi.Input[str]
    """Namespace of runs, which denies traffic by default: steps are programs of strangers."""
    images: PipelineImages
    """Images of every part."""
    pipelines_database: MysqlConnection
    """Database of pipelines and runs."""
    metadata_database: MysqlConnection
    """Database of executions and artifacts."""
    artifacts: ObjectStoreConnection
    """Bucket of pipelines, artifacts and logs."""
    steps: StepSettings
    """Environment and rights of steps."""
    clients: tuple[network_policies.Peer, ...] = ()
    """Pods that may call the API, in addition to its own controllers and steps."""
    gateway: GatewayConnection | None = None
    """Gateway that publishes the API, if any."""
    host: str = Host.PIPELINES
    """First label of the host that it is published at."""
    localhost: str = "/"
    """Path of `http://localhost` below which the API is published too."""
    definitions: bool = True
    """Whether these are the first pipelines of the cluster, which define its custom resources."""
    stores: tuple[network_policies.Peer, ...] = ()
    """Pods or addresses of databases and object store; by default anything on their ports."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Pods that may scrape the API server and the workflow controller."""
    replicas: int = 1
    """Pods of the API server and of the workflow controller."""

    def __post_init__(self) -> None:
        """Reject one database for two programs that would both migrate it."""
        pipelines, metadata = self.pipelines_database, self.metadata_database
        if pipelines.host is metadata.host and pipelines.database == metadata.database:
            raise ValueError(
                f"metadata_database: {metadata.database!r} holds the pipelines; give metadata its own"
            )


class KubeflowPipelines(pulumi.ComponentResource):
    """The API server and its controllers, the workflow controller and the metadata store."""

    runs_namespace: pulumi.Output[str]
    definitions: tuple[pulumi.Resource, ...]
    """What pipelines of teams need of the first ones of the cluster."""

    def __init__(self, name: str, args: KubeflowPipelinesArgs, opts: ResourceOptions | None = None) -> None:
        self._release = python_version("kfp")
        super().__init__("plinth:index:KubeflowPipelines", name, {"version": self._release}, opts)
        self._name = name
        self._args = args
        self._owner = Owner.of_product(
            self,
            name,
            args.namespace,
            product="kubeflow-pipelines",
            role="definitions",
            version=self._release,
        )
        self._server_pods = network_policies.pods(
            selector("kubeflow-pipelines", f"{name}-api"), args.namespace
        )
        self._step_pods = network_policies.pods(pipeline_steps.POD_LABELS, args.runs_namespace)
        definitions = [self._definitions()] if args.definitions else []
        steps = self._steps()
        argo = self._workflow_controller(steps)
        self.definitions = (*definitions, *argo.definitions)
        metadata = self._metadata_store()
        # Not after the steps' settings: the tracking server takes as long to start as this one.
        server = self._api_server([*definitions, argo])
        # Both exit at once without the API server, or without a kind that they watch.
        agents = [self._agent(each, [*definitions, argo, server]) for each in AgentKind]
        # Resolved by whatever comes last, so that a run in the namespace can complete.
        ready = pulumi.Output.all(
            server.api_url,
            metadata.address,
            argo.runs_namespace,
            *(each.namespace for each in agents),
            *(each.id for each in steps.settings),
        )
        self.runs_namespace = ready.apply(lambda known: str(known[2]))
        self.register_outputs({"runs_namespace": self.runs_namespace})

    def _definitions(self) -> kubernetes.yaml.v2.ConfigGroup:
        file = f"{api.MANIFESTS}/cluster-scoped/scheduled-workflow-crd.yaml"
        upstream = manifests.load(api.PROJECT, api.MODULE, file)
        return controller.define(self._owner, manifests.labelled(upstream, self._owner.labels))

    def _steps(self) -> PipelineSteps:
        settings, artifacts = self._args.steps, self._args.artifacts
        metadata = network_policies.pods(
            selector("ml-metadata", f"{self._name}-metadata"), self._args.namespace
        )
        return PipelineSteps(
            f"{self._name}-steps",
            PipelineStepsArgs(
                namespace=self._args.runs_namespace,
                artifacts=artifacts,
                metadata_service=self._host(ml_metadata.SERVICE),
                metadata_port=ml_metadata.PORT,
                environment={StepVariable.TRACKING_URI.value: settings.tracking_uri, **settings.environment},
                destinations=(
                    network_policies.egress([self._server_pods], api.HTTP_PORT, api.GRPC_PORT),
                    network_policies.egress([metadata], ml_metadata.PORT),
                    *object_store_access.egress(artifacts, self._args.stores),
                    *settings.destinations,
                    settings.package_index.egress() if settings.package_index else package_index.PUBLIC,
                ),
                api_server=settings.api_server,
                models_namespace=settings.models_namespace,
                limits=settings.limits,
            ),
            self._owner.child(),
        )

    def _workflow_controller(self, steps: PipelineSteps) -> ArgoWorkflows:
        index = self._args.steps.package_index
        return ArgoWorkflows(
            f"{self._name}-argo",
            ArgoWorkflowsArgs(
                namespace=self._args.namespace,
                runs_namespace=steps.namespace,
                image=self._args.images.workflow_controller,
                executor_image=self._args.images.executor,
                artifacts=self._args.artifacts,
                artifacts_secret=OBJECT_STORE_SECRET,
                step_environment={**self._servers(), **(index.environment() if index else {})},
                step_token=self._args.steps.token,
                definitions=self._args.definitions,
                bounds=self._args.steps.bounds,
                scrapers=self._args.scrapers,
                replicas=self._args.replicas,
            ),
            self._owner.child(),
        )

    def _servers(self) -> dict[str, pulumi.Input[str]]:
        """Return what drivers and launchers look for, and find in the namespace of the servers by default."""
        return {
            "ML_PIPELINE_SERVICE_HOST": self._host(api.SERVICE),
            "ML_PIPELINE_SERVICE_PORT_GRPC": str(api.GRPC_PORT),
            "METADATA_GRPC_SERVICE_SERVICE_HOST": self._host(ml_metadata.SERVICE),
            "METADATA_GRPC_SERVICE_SERVICE_PORT": str(ml_metadata.PORT),
        }

    def _host(self, service: str) -> pulumi.Output[str]:
        return pulumi.Output.concat(service, ".", self._args.namespace)

    def _metadata_store(self) -> MlMetadata:
        return MlMetadata(
            f"{self._name}-metadata",
            MlMetadataArgs(
                namespace=self._args.namespace,
                image=self._args.images.metadata,
                database=self._args.metadata_database,
                clients=(self._step_pods,),
                stores=self._args.stores,
            ),
            self._owner.child(),
        )

    def _api_server(self, after: list[pulumi.Resource]) -> PipelinesApiServer:
        names = [f"{self._name}-{kind}" for kind in AgentKind]
        agents = [network_policies.pods(selector("kubeflow-pipelines", each)) for each in names]
        return PipelinesApiServer(
            f"{self._name}-api",
            PipelinesApiServerArgs(
                namespace=self._args.namespace,
                runs_namespace=self._args.runs_namespace,
                image=self._args.images.api_server,
                driver_image=self._args.images.driver,
                launcher_image=self._args.images.launcher,
                database=self._args.pipelines_database,
                artifacts=self._args.artifacts,
                clients=(self._step_pods, *agents, *self._args.clients),
                gateway=self._args.gateway,
                host=self._args.host,
                localhost=self._args.localhost,
                stores=self._args.stores,
                scrapers=self._args.scrapers,
                replicas=self._args.replicas,
            ),
            self._owner.child(after),
        )

    def _agent(self, kind: AgentKind, after: list[pulumi.Resource]) -> PipelinesAgent:
        return PipelinesAgent(
            f"{self._name}-{kind}",
            PipelinesAgentArgs(
                namespace=self._args.namespace,
                runs_namespace=self._args.runs_namespace,
                kind=kind,
                image=self._args.images.agent(kind),
                server=self._server_pods,
            ),
            self._owner.child(after),
        )
