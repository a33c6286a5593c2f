"""Names that the platform and its clients must agree on, which either side may import."""

from enum import StrEnum
from typing import Final

STEP_ENVIRONMENT: Final = "plinth-endpoints"
"""ConfigMap in the namespace of the runs that gives steps the platform's endpoints."""
OBJECT_STORE_SECRET: Final = "mlpipeline-minio-artifact"  # noqa: S105 - a name
"""Secret in the namespace of the runs that opens the pipelines' bucket; Kubeflow Pipelines fixes the name."""
PIPELINES_BUCKET: Final = "pipelines"
"""Bucket of pipeline artifacts, step logs and users' CSV files; on AWS it gets the stack's prefix."""
TRACKING_BUCKET: Final = "mlflow"
"""Bucket of MLflow's artifacts; on AWS it gets the stack's prefix."""
PAYLOADS_BUCKET: Final = "payloads"
"""Bucket of recorded requests (`workloads.serving.payload_objects`); on AWS it gets the stack's prefix."""

TEAM_OUTPUT: Final = "team_"
"""What the name of a stack's output begins with that describes a team; the team's name follows."""
GATEWAY_LABEL: Final = "gateway"
"""First label of the gateway's own name where it serves TLS; it routes no host of this name."""

TOKEN_AUDIENCE: Final = "plinth"  # noqa: S105 - a name
"""Audience of tokens for the platform's login: they are worth nothing at the Kubernetes API."""
STEP_TOKEN: Final = "/var/run/secrets/plinth/token"  # noqa: S105 - a path
"""File with such a token in every step of a platform with a login."""
LOGIN_USER: Final = "admin"
"""The one user of a login that is not a company's issuer."""


class Host(StrEnum):
    """First label of the hosts that the gateway routes to parts of the platform; models have their own."""

    PIPELINES = "pipelines"
    TRACKING = "mlflow"
    OBJECTS = "objects"
    PROMETHEUS = "prometheus"
    GRAFANA = "grafana"
    LOGIN = "login"

    def below(self, domain: str) -> str:
        """Return the full host name."""
        return f"{self.value}.{domain}"


def of_team(name: str, team: str) -> str:
    """Return what a team has under its own name in place of the stack's; without a team, the stack's."""
    return f"{name}-{team}" if team else name


DEFAULT_WORKSPACE: Final = "default"
"""Workspace of MLflow that is the stack's own; MLflow fixes the name."""
ARTIFACTS_OF_TEAMS: Final = "workspaces/"
"""Folder of MLflow's bucket that holds a folder for each workspace; MLflow fixes the name."""


def artifacts_folder(team: str) -> str:
    """Return a team's folder in MLflow's bucket, with a slash at its end; the whole bucket without a team."""
    return f"{ARTIFACTS_OF_TEAMS}{team}/" if team else ""


MODEL_LABEL: Final = "plinth.dev/model-name"
"""Label of whatever belongs to a version of a model: the model, as which its pods answer."""
MODELS_FOLDER: Final = "/mnt/models"
"""Where the pods of an InferenceService have their model, or a folder of each of several."""
METRIC_STORE: Final = "katib-db-manager.katib:6789"
"""Address of Katib's store of metrics: Service, namespace and port."""
TRIAL_LABEL: Final = "katib.kubeflow.org/trial"
"""Label of the pods of trials, which may reach that store; its value is the trial's name."""
ROLLOUT_API: Final = ("delivery.plinth.dev", "v1alpha1")
"""Group and version of ModelRollouts."""
ROLLOUTS: Final = "modelrollouts"
ROLLOUT_KIND: Final = "ModelRollout"

TRAINING_API: Final = ("trainer.kubeflow.org", "v1alpha1")
"""Group and version of TrainJobs."""
TRAIN_JOBS: Final = "trainjobs"
TRAINING_RUNTIME: Final = "xgboost-distributed"
"""ClusterTrainingRuntime of XGBoost; Trainer fixes the name."""


class StepVariable(StrEnum):
    """Keys of the ConfigMap `STEP_ENVIRONMENT`: environment variables of every step."""

    TRACKING_URI = "MLFLOW_TRACKING_URI"
    ARTIFACTS_DESTINATION = "PLINTH_ARTIFACTS_DESTINATION"
    MODELS_NAMESPACE = "PLINTH_MODELS_NAMESPACE"
    MODELS_SERVICE_ACCOUNT = "PLINTH_MODELS_SERVICE_ACCOUNT"
    SERVING_RUNTIME = "PLINTH_SERVING_RUNTIME"
    SERVING_RUNTIMES = "PLINTH_SERVING_RUNTIMES"
    GATEWAY_URL = "PLINTH_GATEWAY_URL"
    GATEWAY_DOMAIN = "PLINTH_GATEWAY_DOMAIN"
    S3_ENDPOINT = "PLINTH_S3_ENDPOINT"
    S3_REGION = "PLINTH_S3_REGION"
    PAYLOADS = "PLINTH_PAYLOADS"
    """s3://bucket/namespace of the requests that callers of models sent, and of their labels."""
