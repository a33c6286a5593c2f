"""The platforms that rules, targets and dashboards are checked for."""

from components.monitoring.scope import Objectives, Scope

OBJECTIVES = Objectives()

LOCAL = Scope(
    gateway="gateway",
    pipelines="kubeflow",
    tracking="mlflow",
    serving="kserve",
    models="models",
    postgres="databases",
    pipelines_database="mysql",
    object_store="object-store",
)
CLOUD = Scope(
    gateway="gateway",
    pipelines="kubeflow",
    tracking="mlflow",
    serving="kserve",
    models="models",
    postgres=None,
    pipelines_database=None,
    object_store=None,
)
