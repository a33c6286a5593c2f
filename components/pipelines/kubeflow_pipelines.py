"""Kubeflow Pipelines: the v2beta1 API, recurring runs, caching, and all that a run needs in one namespace."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components import manifests
from components.connections import GatewayConnection, MysqlConnection, ObjectStoreConnection
from components.images import reference
from components.pipelines import ml_metadata, pipeline_steps
from components.pipelines import pipelines_api_server as api
from components.pipelines.argo_workflows import ArgoWorkflows, ArgoWorkflowsArgs
from components.pipelines.ml_metadata import MlMetadata, MlMetadataArgs
from components.pipelines.pipeline_steps import PipelineSteps, PipelineStepsArgs
from components.pipelines.pipelines_agent import AgentKind, PipelinesAgent, PipelinesAgentArgs
from components.pipelines.pipelines_api_server import PipelinesApiServer, PipelinesApiServerArgs
from components.shapes import network_policies, object_store_access
from components.shapes.labels import labels, selector
from components.versions import python_version


@dataclass(frozen=True, kw_only=True)
class StepSettings:
    """What the steps of pipelines may know and reach beyond Kubeflow Pipelines itself."""

    tracking_uri: pulumi.Input[str]
    """The MLflow server, given to steps as MLFLOW_TRACKING_URI."""
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    """More keys of the ConfigMap `plinth-endpoints`."""
    destinations: tuple[network_policies.EgressRule, ...] = ()
    """Where steps may connect beside the pipelines API, the metadata store and the object store."""
    models_namespace: pulumi.Input[str] | None = None
    """Where steps may deploy inference services, if anywhere."""


@dataclass(frozen=True, kw_only=True)
class KubeflowPipelinesArgs:
    """What Kubeflow Pipelines needs to know."""

    namespace: pulumi.Input[str]
    """A closed namespace; KFP expects it to be called `kubeflow`."""
    pipelines_database: MysqlConnection
    """Where pipelines and runs are recorded."""
    metadata_database: MysqlConnection
    """Where executions and artifacts are recorded."""
    artifacts: ObjectStoreConnection
    """Where pipelines, artifacts and logs lie."""
    steps: StepSettings
    """What steps may know and reach."""
    clients: tuple[network_policies.Peer, ...] = ()
    """Who may call the API, beside its own controllers and steps."""
    gateway: GatewayConnection | None = None
    """Where to publish the API as `pipelines.<domain>`, if anywhere."""
    stores: tuple[network_policies.Peer, ...] = ()
    """Where databases and artifacts are; anywhere on their ports if not given."""
    registry: str = ""
    """Prefix of our images; without it all images are built here."""
    workspace_storage_class: str | None = None
    """Class of the volumes that the steps of a run may share; no shared volumes if not given."""
    scrapers: tuple[network_policies.Peer, ...] = ()
    """Who may read the metrics of the API server and the workflow controller."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""

    def __post_init__(self) -> None:
        """Refuse one database for two programs that each migrate it."""
        pipelines, metadata = self.pipelines_database, self.metadata_database
        if pipelines.host is metadata.host and pipelines.database == metadata.database:
            raise ValueError(
                f"metadata_database: {metadata.database!r} holds the pipelines; give metadata its own"
            )


class KubeflowPipelines(pulumi.ComponentResource):
    """The API server and its controllers, the workflow controller and the metadata store."""

    api_url: pulumi.Output[str]
    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: KubeflowPipelinesArgs, opts: ResourceOptions | None = None) -> None:
        self._release = python_version("kfp")
        super().__init__("plinth:index:KubeflowPipelines", name, {"version": self._release}, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._server_pods = network_policies.pods(selector("kubeflow-pipelines", f"{name}-api"))
        definitions = self._definitions()
        steps = self._steps()
        argo = self._workflow_controller(steps)
        metadata = self._metadata_store()
        # Not after all that steps are told: the tracking server takes as long to start as this one.
        server = self._api_server([definitions, steps.artifacts_secret, argo])
        # Both would die at once without the API server, or without a kind that they watch.
        agents = [self._agent(each, [definitions, argo, server]) for each in AgentKind]
        # Taken from whatever comes last, so that a run submitted to this address goes on to its end.
        ready = pulumi.Output.all(
            server.api_url,
            metadata.address,
            argo.namespace,
            *(each.namespace for each in agents),
            *(each.id for each in steps.settings),
        )
        self.api_url = ready.apply(lambda known: str(known[0]))
        self.namespace = ready.apply(lambda known: str(known[2]))
        self.register_outputs({"api_url": self.api_url, "namespace": self.namespace})

    def _definitions(self) -> kubernetes.yaml.v2.ConfigGroup:
        own = labels("kubeflow-pipelines", self._name, "definitions", version=self._release)
        file = f"{api.MANIFESTS}/cluster-scoped/scheduled-workflow-crd.yaml"
        found = manifests.load(api.PROJECT, api.MODULE, file)
        return kubernetes.yaml.v2.ConfigGroup(
            f"{self._name}-definitions",
            yaml=manifests.render(manifests.labelled(found, {**own, **self._args.extra_labels})),
            opts=self._child,
        )

    def _steps(self) -> PipelineSteps:
        settings, artifacts = self._args.steps, self._args.artifacts
        metadata = network_policies.pods(selector("ml-metadata", f"{self._name}-metadata"))
        return PipelineSteps(
            f"{self._name}-steps",
            PipelineStepsArgs(
                namespace=self._args.namespace,
                artifacts=artifacts,
                metadata_service=ml_metadata.SERVICE,
                metadata_port=ml_metadata.PORT,
                environment={"MLFLOW_TRACKING_URI": settings.tracking_uri, **settings.environment},
                destinations=(
                    network_policies.egress([self._server_pods], api.HTTP_PORT, api.GRPC_PORT),
                    network_policies.egress([metadata], ml_metadata.PORT),
                    *object_store_access.egress(artifacts, self._args.stores),
                    *settings.destinations,
                ),
                models_namespace=settings.models_namespace,
                extra_labels=self._args.extra_labels,
            ),
            self._child,
        )

    def _workflow_controller(self, steps: PipelineSteps) -> ArgoWorkflows:
        return ArgoWorkflows(
            f"{self._name}-argo",
            ArgoWorkflowsArgs(
                namespace=steps.namespace,
                image=reference("argo-workflow-controller", self._args.registry),
                executor_image=reference("argo-executor", self._args.registry),
                artifacts=self._args.artifacts,
                artifacts_secret=pipeline_steps.ARTIFACTS_SECRET,
                scrapers=self._args.scrapers,
                extra_labels=self._args.extra_labels,
            ),
            self._child,
        )

    def _metadata_store(self) -> MlMetadata:
        return MlMetadata(
            f"{self._name}-metadata",
            MlMetadataArgs(
                namespace=self._args.namespace,
                image=reference("mlmd", self._args.registry),
                database=self._args.metadata_database,
                clients=(network_policies.pods(pipeline_steps.POD_LABELS),),
                stores=self._args.stores,
                extra_labels=self._args.extra_labels,
            ),
            self._child,
        )

    def _api_server(self, after: list[pulumi.Resource]) -> PipelinesApiServer:
        names = [f"{self._name}-{kind}" for kind in AgentKind]
        agents = [network_policies.pods(selector("kubeflow-pipelines", each)) for each in names]
        steps = network_policies.pods(pipeline_steps.POD_LABELS)
        return PipelinesApiServer(
            f"{self._name}-api",
            PipelinesApiServerArgs(
                namespace=self._args.namespace,
                image=reference("kfp-api-server", self._args.registry),
                driver_image=reference("kfp-driver", self._args.registry),
                launcher_image=reference("kfp-launcher", self._args.registry),
                database=self._args.pipelines_database,
                artifacts=self._args.artifacts,
                artifacts_secret=pipeline_steps.ARTIFACTS_SECRET,
                clients=(steps, *agents, *self._args.clients),
                gateway=self._args.gateway,
                stores=self._args.stores,
                workspace_storage_class=self._args.workspace_storage_class,
                scrapers=self._args.scrapers,
                extra_labels=self._args.extra_labels,
            ),
            ResourceOptions(parent=self, depends_on=after),
        )

    def _agent(self, kind: AgentKind, after: list[pulumi.Resource]) -> PipelinesAgent:
        return PipelinesAgent(
            f"{self._name}-{kind}",
            PipelinesAgentArgs(
                namespace=self._args.namespace,
                kind=kind,
                image=reference(f"kfp-{kind}", self._args.registry),
                server=self._server_pods,
                extra_labels=self._args.extra_labels,
            ),
            ResourceOptions(parent=self, depends_on=after),
        )
