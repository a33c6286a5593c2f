"""Step: evaluate a logged model of sentence embeddings; fail the pipeline run if it finds too few pairs."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false

from typing import NamedTuple

from kfp import dsl

from workloads import errors
from workloads.embeddings import sentences
from workloads.embeddings.packages import INSTALLED
from workloads.embeddings.sentences import similarity_metrics
from workloads.serving import artifacts
from workloads.serving.artifacts import model_digest
from workloads.steps import WORKLOAD_IMAGE, frames
from workloads.steps.embedding import embed
from workloads.steps.frames import frame_of


# Named as the step of other models: lineage finds evaluations by their task.
@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False, packages_to_install=INSTALLED)
def evaluate(
    held_back: dsl.Input[dsl.Dataset],
    model_id: str,
    mlflow_run_id: str,
    data_sha256: str,
    minimum_pairs_found: float,
    metrics: dsl.Output[dsl.Metrics],
) -> NamedTuple("Evaluated", [("model_digest", str), ("evaluation_run_id", str)]):
    """Load the model as it was logged, require the vectors of its export, and log how well it finds pairs.

    Args:
        held_back: JSON with sentences, the numbers of their pairs and their vectors.
        model_id: The logged model.
        mlflow_run_id: The MLflow run that exported it.
        data_sha256: SHA-256 of the wheel.
        minimum_pairs_found: Share of sentences whose nearest one must be the other of their pair.
        metrics: The same metrics for Kubeflow.
    """
    import json
    import os
    import tempfile
    from pathlib import Path

    import mlflow
    import numpy as np

    evidence = json.loads(Path(held_back.path).read_text())
    client = mlflow.MlflowClient()
    parent = client.get_run(mlflow_run_id)
    tags = {
        "mlflow.parentRunId": mlflow_run_id,
        "kfp.pipeline_run_id": os.environ["KFP_RUN_ID"],
        "kfp.task": os.environ["KFP_TASK"],
        "kfp.pod": os.environ["KFP_POD_NAME"],
        "data.sha256": data_sha256,
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        mlflow.start_run(experiment_id=parent.info.experiment_id, run_name="evaluate", tags=tags) as run,
    ):
        # By location, not as models:/ID: for that MLflow adds a file of its own, which is not stored.
        location = client.get_logged_model(model_id).artifact_location
        stored = Path(mlflow.artifacts.download_artifacts(artifact_uri=location, dst_path=folder))
        digest = model_digest(stored)
        model = mlflow.pyfunc.load_model(str(stored))
        vectors = model.predict(frame_of(evidence["rows"], evidence["features"], evidence["kinds"]))
        drift = float(np.abs(vectors - np.array(evidence["predicted"])).max())
        if not drift <= evidence["tolerance"]:
            raise RuntimeError(f"model {model_id}: vectors differ by {drift:.3g} from those of its export")
        values = similarity_metrics(vectors, evidence["labels"])
        mlflow.log_metrics(values, model_id=model_id)
        for key, value in values.items():
            metrics.log_metric(key, value)
        found = values["pairs_found"]
        passed = found >= minimum_pairs_found
        gate = "passed" if passed else "failed"
        mlflow.set_tags({"gate": gate, "gate.minimum_pairs_found": minimum_pairs_found})
        if not passed:
            raise ValueError(
                f"gate: pairs_found {found:.4f} is below {minimum_pairs_found:.4f}; nothing is registered"
            )
    return digest, run.info.run_id


embed(evaluate, errors, artifacts, frames, sentences)
