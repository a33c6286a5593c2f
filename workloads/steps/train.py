"""Step: train a model, log it to MLflow and store its predictions for the held-back rows."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false, reportCallIssue=false

from typing import NamedTuple

from kfp import dsl

from workloads.distributed import trees
from workloads.distributed.node import NODES_FOLDER, TREES
from workloads.distributed.trees import fit_with_trees
from workloads.steps import (
    WORKLOAD_IMAGE,
    choices,
    csv_columns,
    csv_rows,
    csv_table,
    data_version,
    estimators,
    frames,
    reference,
    search_spaces,
)
from workloads.steps.choices import PACKAGES, refuse_choices
from workloads.steps.csv_table import read, survey
from workloads.steps.data_version import bucket_of, dvc_file, file_name
from workloads.steps.embedding import embed, embed_text
from workloads.steps.estimators import estimator_for, signature_for, split, trusted_types
from workloads.steps.frames import rows_of
from workloads.steps.reference import REFERENCE_FILE, reference_of
from workloads.steps.search_spaces import parameters_of


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def train(  # noqa: PLR0913, PLR0917 - a step is one function
    dataset: dsl.Input[dsl.Dataset],
    data: str,
    data_sha256: str,
    target: str,
    model_name: str,
    regularization: float,
    seed: int,
    held_back: dsl.Output[dsl.Dataset],
    task: str = "auto",
    family: str = "linear",
    parameters: str = "",
    search_run_id: str = "",
    nodes_run_id: str = "",
) -> NamedTuple("Trained", [("model_id", str), ("mlflow_run_id", str)]):
    """Fit a model on 70 % of the rows: of the linear family, a logistic or a ridge regression.

    The id of the pipeline run comes from the environment: as an input it would defeat the cache.

    Args:
        dataset: A CSV file that validate_data accepted.
        data: Source of the data.
        data_sha256: SHA-256 of the CSV file.
        target: Column with the class, or the quantity.
        model_name: Registered model and MLflow experiment.
        regularization: Inverse regularization strength.
        seed: Selects the held-back rows, and whatever else the model draws.
        held_back: JSON with the other 30 %: rows, labels and the predictions made here, in full precision.
        task: classification, regression, or auto: as the target's values say.
        family: linear, random_forest, xgboost or lightgbm.
        parameters: JSON object of the family's parameters that a search has found; empty for the defaults.
        search_run_id: The MLflow run of that search.
        nodes_run_id: The MLflow run in which several nodes have left the trees of this model; empty if it is
            trained here.
    """
    import json
    import os
    import tempfile
    from importlib.metadata import version
    from pathlib import Path

    import mlflow

    found = survey(Path(dataset.path), target, task)
    refuse_choices(family, "", found.task, regularization)
    chosen = parameters_of(family, parameters)
    regularization = chosen.pop("regularization", regularization)
    table = read(Path(dataset.path), found)
    features = [each.name for each in found.features]
    kinds = [] if found.is_matrix else [each.kind for each in found.features]
    is_regression = found.task == "regression"
    fitted, rest = split(found, table.labels, seed)
    rest_rows = table.features[rest] if found.is_matrix else table.features.iloc[rest]
    estimator = estimator_for(found, regularization, family, seed, chosen)
    fitted_rows = table.features[fitted] if found.is_matrix else table.features.iloc[fitted]
    if nodes_run_id:
        fit_with_trees(estimator, fitted_rows, table.labels[fitted], nodes_run_id)
    else:
        estimator.fit(fitted_rows, table.labels[fitted])
    classes = [] if is_regression else estimator.classes_.tolist()
    answers = estimator.predict(rest_rows) if is_regression else estimator.predict_proba(rest_rows)
    # json writes the shortest text that parses back to the same float64: nothing is rounded.
    evidence = {
        "features": features,
        "kinds": kinds,
        "classes": classes,
        "rows": rows_of(rest_rows, kinds),
        "labels": table.labels[rest].tolist(),
        "predicted": (answers if is_regression else estimator.predict(rest_rows)).tolist(),
        "probabilities": [] if is_regression else answers.tolist(),
    }
    Path(held_back.path).write_text(json.dumps(evidence))
    known = reference_of(fitted_rows, features, kinds, evidence, data_sha256)

    packages = ["mlflow", "scikit-learn", "numpy", "skops"]
    packages += [PACKAGES[family]] if family in PACKAGES else []
    tags = {
        "kfp.pipeline_run_id": os.environ["KFP_RUN_ID"],
        "kfp.task": os.environ["KFP_TASK"],
        "kfp.pod": os.environ["KFP_POD_NAME"],
        "data.uri": data,
        "data.sha256": data_sha256,
        "data.understood": found.understood(),
    }
    if search_run_id:
        tags |= {"search.run_id": search_run_id, "search.parameters": parameters}
    tags |= {"nodes.run_id": nodes_run_id} if nodes_run_id else {}
    mlflow.set_experiment(model_name)
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_name="train", tags=tags) as run:
        mlflow.log_params({"data": data, "target": target, "regularization": regularization, "seed": seed})
        mlflow.log_params({"family": family, "task": found.task, **chosen})
        mlflow.log_params({"training_rows": len(fitted), "held_back_rows": len(rest)})
        # MLflow truncates a digest to 36 characters; the tag of the input has all 64.
        described = mlflow.data.from_numpy if found.is_matrix else mlflow.data.from_pandas
        source = described(table.features, name=data.rpartition("/")[2], digest=data_sha256[:36])
        mlflow.log_input(source, context="training", tags={"data.sha256": data_sha256})
        if bucket_of(dataset.uri):
            name = file_name(data)
            mlflow.log_text(dvc_file(Path(dataset.path), name), f"data/{name}.dvc")
        # As a file: as a dict MLflow would write each number on a line of its own.
        mlflow.log_text(Path(held_back.path).read_text(), "held_back/held_back.json")
        statistics = Path(folder, REFERENCE_FILE)
        statistics.write_text(json.dumps(known))
        # Requirements are given explicitly: inferring them would load the model again in another process.
        model = mlflow.sklearn.log_model(
            estimator,
            name="model",
            params={"family": family, "regularization": regularization, "seed": seed, **chosen},
            signature=signature_for(found, len(classes)),
            metadata={"classes": classes, "features": features},
            pyfunc_predict_fn="predict" if is_regression else "predict_proba",
            serialization_format="skops",
            skops_trusted_types=trusted_types(found, family),
            # They also decide which serving runtime the version gets.
            pip_requirements=[f"{name}=={version(name)}" for name in packages],
            # Among the model's files, so its digest covers them, and whoever serves it has them.
            extra_files=[str(statistics)],
        )
    return model.model_id, run.info.run_id


embed(
    train,
    choices,
    csv_rows,
    csv_columns,
    csv_table,
    data_version,
    estimators,
    frames,
    reference,
    search_spaces,
    trees,
)
embed_text(train, "NODES_FOLDER", NODES_FOLDER)
embed_text(train, "TREES", TREES)
