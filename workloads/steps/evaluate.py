"""Step: evaluate the logged model on the held-back rows; fail the pipeline run if it is not good enough."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false

from typing import NamedTuple

from kfp import dsl

from workloads.steps import WORKLOAD_IMAGE, choices, frames, scores
from workloads.steps.choices import ERRORS, OBJECTIVES
from workloads.steps.embedding import embed
from workloads.steps.frames import frame_of
from workloads.steps.scores import draw, of_classifier, of_regression, shortfall


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def evaluate(  # noqa: PLR0913, PLR0917 - inputs of a step
    held_back: dsl.Input[dsl.Dataset],
    model_id: str,
    mlflow_run_id: str,
    data_sha256: str,
    minimum_accuracy: float,
    metrics: dsl.Output[dsl.Metrics],
    minimum_r2: float = 0.5,
    objective: str = "",
    threshold: float = 0.0,
) -> NamedTuple("Evaluated", [("model_digest", str), ("evaluation_run_id", str)]):
    """Log metrics and plots, as a child of the MLflow run that trained the model.

    Of a classifier: accuracy, F1, log loss and area under the curve. Of a regression: R2, which compares it
    with predicting the mean, the mean absolute error, and the root mean squared errors of both. If the one
    that decides misses its threshold the step fails: no later step runs, and the run reports the reason.

    Args:
        held_back: JSON with the held-back rows and their predictions at training time.
        model_id: The logged model.
        mlflow_run_id: The MLflow run that trained it.
        data_sha256: SHA-256 of the CSV file.
        minimum_accuracy: Accuracy below which the step fails for a classifier.
        metrics: The same metrics for Kubeflow.
        minimum_r2: R2 below which the step fails for a regression.
        objective: Metric that decides instead; empty for those two.
        threshold: Its least value that passes; of an error, its largest.
    """
    import hashlib
    import json
    import os
    import tempfile
    from pathlib import Path

    import mlflow
    import numpy as np

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
            model = mlflow.pyfunc.load_model(str(stored))
        classes, kinds = evidence["classes"], evidence.get("kinds")
        rows = (
            frame_of(evidence["rows"], evidence["features"], kinds) if kinds else np.array(evidence["rows"])
        )
        estimator = model.get_raw_model()
        answers = estimator.predict_proba(rows) if classes else estimator.predict(rows)
        expected = np.array(evidence["probabilities"] if classes else evidence["predicted"])
        # Quantities may be large: their difference counts in proportion.
        drift = float((np.abs(answers - expected) / np.maximum(1.0, np.abs(expected))).max())
        if not drift <= 1e-9:
            what = "probabilities" if classes else "predictions"
            raise RuntimeError(f"model {model_id}: {what} differ by {drift:.3g} from those at training time")
        labels = np.array(evidence["labels"])
        values = of_classifier(labels, classes, answers) if classes else of_regression(labels, answers)
        mlflow.log_metrics(values, model_id=model_id)
        for key, value in values.items():
            metrics.log_metric(key, value)
        if undrawn := draw(model, rows, labels, classes):
            mlflow.set_tag("evaluation.undrawn", undrawn)
        task = "classification" if classes else "regression"
        if not objective:
            objective = OBJECTIVES[task][0]
            threshold = minimum_accuracy if classes else minimum_r2
        missed = shortfall(objective, values, threshold)
        least = "maximum" if objective in ERRORS else "minimum"
        mlflow.set_tags({"gate": "failed" if missed else "passed", f"gate.{least}_{objective}": threshold})
        if missed:
            raise ValueError(f"gate: {missed}; nothing is registered")
    return model_digest, run.info.run_id


embed(evaluate, choices, frames, scores)
