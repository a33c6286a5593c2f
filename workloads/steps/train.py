"""Step: train a classifier, log it to MLflow and store its predictions for the held-back rows."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false

from typing import NamedTuple

from kfp import dsl

from workloads.steps import WORKLOAD_IMAGE


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def train(
    dataset: dsl.Input[dsl.Dataset],
    data: str,
    data_sha256: str,
    target: str,
    model_name: str,
    regularization: float,
    seed: int,
    held_back: dsl.Output[dsl.Dataset],
) -> NamedTuple("Trained", [("model_id", str), ("mlflow_run_id", str)]):
    """Fit a scaled logistic regression on 70 % of the rows.

    The id of the pipeline run comes from the environment: as an input it would defeat the cache.

    Args:
        dataset: A CSV file that validate_data accepted.
        data: Source of the data.
        data_sha256: SHA-256 of the CSV file.
        target: Column with the class.
        model_name: Registered model and MLflow experiment.
        regularization: Inverse regularization strength C.
        seed: Selects the held-back rows.
        held_back: JSON with the other 30 %: rows, labels and the predictions made here, in full precision.
    """
    import csv
    import io
    import json
    import os
    from importlib.metadata import version
    from pathlib import Path

    import mlflow
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    text = Path(dataset.path).read_bytes().decode("utf-8-sig")
    header, *lines = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    place = header.index(target)
    features = [name for name in header if name != target]
    labels = np.array([row[place] for row in lines])
    rows = np.array([[float(cell) for at, cell in enumerate(row) if at != place] for row in lines])
    fitted_rows, rest_rows, fitted_labels, rest_labels = train_test_split(
        rows, labels, test_size=0.3, random_state=seed, stratify=labels
    )
    estimator = make_pipeline(StandardScaler(), LogisticRegression(C=regularization, max_iter=1000))
    estimator.fit(fitted_rows, fitted_labels)
    classes = estimator.classes_.tolist()
    probabilities = estimator.predict_proba(rest_rows)
    # json writes the shortest text that parses back to the same float64: nothing is rounded.
    evidence = {
        "features": features,
        "classes": classes,
        "rows": rest_rows.tolist(),
        "labels": rest_labels.tolist(),
        "predicted": estimator.predict(rest_rows).tolist(),
        "probabilities": probabilities.tolist(),
    }
    Path(held_back.path).write_text(json.dumps(evidence))

    # One array in, one array out: enforcing a signature of columns costs several times the prediction.
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype("float64"), (-1, len(features)))]),
        outputs=Schema([TensorSpec(np.dtype("float64"), (-1, len(classes)))]),
    )
    tags = {
        "kfp.pipeline_run_id": os.environ["KFP_RUN_ID"],
        "kfp.task": os.environ["KFP_TASK"],
        "kfp.pod": os.environ["KFP_POD_NAME"],
        "data.uri": data,
        "data.sha256": data_sha256,
    }
    mlflow.set_experiment(model_name)
    with mlflow.start_run(run_name="train", tags=tags) as run:
        mlflow.log_params({"data": data, "target": target, "regularization": regularization, "seed": seed})
        mlflow.log_params({"training_rows": len(fitted_rows), "held_back_rows": len(rest_rows)})
        # MLflow truncates a digest to 36 characters; the tag of the input has all 64.
        source = mlflow.data.from_numpy(rows, name=data.rpartition("/")[2], digest=data_sha256[:36])
        mlflow.log_input(source, context="training", tags={"data.sha256": data_sha256})
        mlflow.log_dict(evidence, "held_back/held_back.json")
        # Requirements are given explicitly: inferring them would load the model again in another process.
        model = mlflow.sklearn.log_model(
            estimator,
            name="model",
            params={"regularization": regularization, "seed": seed},
            signature=signature,
            metadata={"classes": classes, "features": features},
            pyfunc_predict_fn="predict_proba",
            serialization_format="skops",
            pip_requirements=[
                f"{name}=={version(name)}" for name in ("mlflow", "scikit-learn", "numpy", "skops")
            ],
        )
    return model.model_id, run.info.run_id
