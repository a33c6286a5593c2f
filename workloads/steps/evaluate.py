"""Step: evaluate the logged model on the held-back rows; fail the pipeline run if it is not good enough."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false

from typing import Any, NamedTuple

from kfp import dsl

from workloads.steps import WORKLOAD_IMAGE, frames
from workloads.steps.embedding import embed
from workloads.steps.frames import frame_of


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def evaluate(
    held_back: dsl.Input[dsl.Dataset],
    model_id: str,
    mlflow_run_id: str,
    data_sha256: str,
    minimum_accuracy: float,
    metrics: dsl.Output[dsl.Metrics],
    minimum_r2: float = 0.5,
) -> NamedTuple("Evaluated", [("model_digest", str), ("evaluation_run_id", str)]):
    """Log metrics, as a child of the MLflow run that trained the model.

    Of a classifier: accuracy, log loss and area under the curve. Of a regression: R2, which compares it with
    predicting the mean, and the root mean squared errors of both. Below the minimum the step fails: no later
    step runs, and the pipeline run reports the reason.

    Args:
        held_back: JSON with the held-back rows and their predictions at training time.
        model_id: The logged model.
        mlflow_run_id: The MLflow run that trained it.
        data_sha256: SHA-256 of the CSV file.
        minimum_accuracy: Accuracy below which the step fails for a classifier.
        metrics: The same metrics for Kubeflow.
        minimum_r2: R2 below which the step fails for a regression.
    """
    import hashlib
    import json
    import os
    import tempfile
    from pathlib import Path

    import mlflow
    import numpy as np
    from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score

    def digest(folder: Path) -> str:
        # Same rule as workloads.serving.artifacts.model_digest and the predictor.
        lines = hashlib.sha256()
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        for name, path in sorted(files.items()):
            lines.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
        return lines.hexdigest()

    def of_classifier(labels: list[str], classes: list[str], probabilities: Any) -> dict[str, float]:
        scores = probabilities[:, 1] if len(classes) == 2 else probabilities
        predicted = np.array(classes)[probabilities.argmax(axis=1)]
        return {
            "accuracy": float(accuracy_score(labels, predicted)),
            "log_loss": float(log_loss(labels, probabilities, labels=classes)),
            "roc_auc": float(roc_auc_score(labels, scores, multi_class="ovr", labels=classes)),
        }

    def of_regression(labels: Any, predicted: Any) -> dict[str, float]:
        errors = labels - predicted
        return {
            "r2": float(r2_score(labels, predicted)),
            "rmse": float(np.sqrt(np.mean(errors**2))),
            "rmse_of_mean": float(labels.std()),
        }

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
        classes, kinds = evidence["classes"], evidence.get("kinds")
        rows = (
            frame_of(evidence["rows"], evidence["features"], kinds) if kinds else np.array(evidence["rows"])
        )
        answers = estimator.predict_proba(rows) if classes else estimator.predict(rows)
        expected = np.array(evidence["probabilities"] if classes else evidence["predicted"])
        # Quantities may be large: their difference counts in proportion.
        drift = float((np.abs(answers - expected) / np.maximum(1.0, np.abs(expected))).max())
        if not drift <= 1e-9:
            what = "probabilities" if classes else "predictions"
            raise RuntimeError(f"model {model_id}: {what} differ by {drift:.3g} from those at training time")
        if classes:
            values = of_classifier(evidence["labels"], classes, answers)
            name, score, minimum = "accuracy", values["accuracy"], minimum_accuracy
        else:
            values = of_regression(np.array(evidence["labels"]), answers)
            name, score, minimum = "r2", values["r2"], minimum_r2
        mlflow.log_metrics(values, model_id=model_id)
        for key, value in values.items():
            metrics.log_metric(key, value)
        passed = score >= minimum
        mlflow.set_tags({"gate": "passed" if passed else "failed", f"gate.minimum_{name}": minimum})
        if not passed:
            shown = "accuracy" if classes else "regression: R2"
            errors = (
                "" if classes else f" (RMSE {values['rmse']:.4g}, of the mean {values['rmse_of_mean']:.4g})"
            )
            raise ValueError(
                f"gate: {shown} {score:.4f}{errors} is below {minimum:.4f}; nothing is registered"
            )
    return model_digest, run.info.run_id


embed(evaluate, frames)
