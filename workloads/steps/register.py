"""Step: register the evaluated model as a new version, tagged with this pipeline run and its data."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false

from typing import NamedTuple

from kfp import dsl

from workloads import errors
from workloads.errors import WorkloadsError
from workloads.serving import artifacts
from workloads.serving.artifacts import storage_uri
from workloads.steps import WORKLOAD_IMAGE, registered
from workloads.steps.embedding import embed
from workloads.steps.registered import data_of


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def register(
    model_name: str,
    model_id: str,
    model_digest: str,
    mlflow_run_id: str,
    evaluation_run_id: str,
    data_sha256: str,
    data: str = "",
    replace: bool = False,
) -> NamedTuple("Registered", [("model_version", str), ("storage_uri", str)]):
    """Create one version per pipeline run, even if training came from the cache, and alias it challenger.

    Args:
        model_name: The registered model; created if absent.
        model_id: The logged model.
        model_digest: Digest of its files.
        mlflow_run_id: The MLflow run that trained it.
        evaluation_run_id: The MLflow run that evaluated it.
        data_sha256: SHA-256 of the CSV file.
        data: Source of the data; a model of other data keeps its name.
        replace: Whether the name may go from other data to this.
    """
    import os

    import mlflow

    client = mlflow.MlflowClient()
    pipeline_run_id = os.environ["KFP_RUN_ID"]
    # A retried step must not register a second version.
    known = client.search_model_versions(f"name = '{model_name}'", max_results=1000)
    mine = [version for version in known if version.tags.get("kfp.pipeline_run_id") == pipeline_run_id]
    owner = data_of(client, [version for version in known if version not in mine])
    if data and owner and owner != data and not replace:
        raise ValueError(
            f"model {model_name}: is trained on {owner}, not {data}; give another name, or replace = true"
        )
    tags = {
        "data.uri": data,
        "kfp.pipeline_run_id": pipeline_run_id,
        "data.sha256": data_sha256,
        "model.digest": model_digest,
        "gate": "passed",
        "gate.run_id": evaluation_run_id,
    }
    version = mine[0] if mine else mlflow.register_model(f"models:/{model_id}", model_name, tags=tags)
    client.set_registered_model_alias(model_name, "challenger", version.version)
    if version.run_id != mlflow_run_id:
        raise RuntimeError(f"model {model_id}: MLflow says run {version.run_id} made it, not {mlflow_run_id}")
    location = client.get_model_version_download_uri(model_name, version.version)
    try:
        stored = storage_uri(location, os.environ["PLINTH_ARTIFACTS_DESTINATION"])
    except WorkloadsError:
        raise ValueError(
            f"model {model_id}: its artifacts are at {location}, which is not S3 and cannot be served"
        ) from None
    return str(version.version), stored


embed(register, errors, artifacts, registered)
