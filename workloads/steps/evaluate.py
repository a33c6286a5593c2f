"""Step: evaluate the logged model on the held-back rows; fail the pipeline run if it is not good enough."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false

from typing import Any, NamedTuple

from kfp import dsl

from workloads.steps import WORKLOAD_IMAGE


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def evaluate(
    held_back: dsl.Input[dsl.Dataset],
    model_id: str,
    mlflow_run_id: str,
    data_sha256: str,
    minimum_accuracy: float,
    metrics: dsl.Output[dsl.Metrics],
) -> NamedTuple("Evaluated", [("model_digest", str), ("evaluation_run_id", str)]):
    """Log accuracy, log loss and area under the curve, as a child of the MLflow run that trained the model.

    Below the minimum accuracy the step fails: no later step runs, and the pipeline run reports the reason.

    Args:
        held_back: JSON with the held-back rows and their predictions at training time.
        model_id: The logged model.
        mlflow_run_id: The MLflow run that trained it.
        data_sha256: SHA-256 of the CSV file.
        minimum_accuracy: Accuracy below which the step fails.
        metrics: The same metrics for Kubeflow.
    """
    import hashlib
    import json
    import os
    import tempfile
    from pathlib import Path

    import mlflow
    import numpy as np
    from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

    def digest(folder: Path) -> str:
        # Same rule as workloads.serving.artifacts.model_digest and the predictor.
        lines = hashlib.sha256()
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        for name, path in sorted(files.items()):
            lines.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
        return lines.hexdigest()

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
    with mlflow.start_run(experiment_id=parent.info.experiment_id, run_name="evaluate", tags=tags) as run:
        with tempfile.TemporaryDirectory() as folder:
            # By location, not as models:/ID: for that MLflow adds a file of its own, which is not stored.
            location = client.get_logged_model(model_id).artifact_location
            stored = Path(mlflow.artifacts.download_artifacts(artifact_uri=location, dst_path=folder))
            model_digest = digest(stored)
            estimator: Any = mlflow.sklearn.load_model(str(stored))
        classes = evidence["classes"]
        probabilities = estimator.predict_proba(np.array(evidence["rows"]))
        drift = float(np.abs(probabilities - np.array(evidence["probabilities"])).max())
        if drift > 1e-9:
            raise RuntimeError(
                f"model {model_id}: probabilities differ by {drift:.3g} from those at training time"
            )
        predicted = np.array(classes)[probabilities.argmax(axis=1)]
        scores = probabilities[:, 1] if len(classes) == 2 else probabilities
        values = {
            "accuracy": float(accuracy_score(evidence["labels"], predicted)),
            "log_loss": float(log_loss(evidence["labels"], probabilities, labels=classes)),
            "roc_auc": float(roc_auc_score(evidence["labels"], scores, multi_class="ovr", labels=classes)),
        }
        mlflow.log_metrics(values, model_id=model_id)
        for name, value in values.items():
            metrics.log_metric(name, value)
        accuracy = values["accuracy"]
        passed = accuracy >= minimum_accuracy
        mlflow.set_tags({"gate": "passed" if passed else "failed", "gate.minimum_accuracy": minimum_accuracy})
        if not passed:
            raise ValueError(
                f"gate: accuracy {accuracy:.4f} is below {minimum_accuracy:.4f}; nothing is registered"
            )
    return model_digest, run.info.run_id
