"""Step: train the trees of a model on several nodes by a TrainJob, and wait for them."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false, reportCallIssue=false

import inspect
from typing import NamedTuple

from kfp import dsl

from workloads import contract, errors
from workloads import wait as waiting
from workloads.distributed import node, running, train_jobs, trees
from workloads.distributed.node import JOB, NODES_FOLDER, ROWS
from workloads.distributed.running import RunningTrainJob
from workloads.distributed.train_jobs import Nodes, refuse_nodes, refuse_sizes, train_job
from workloads.distributed.trees import prepared
from workloads.errors import WorkloadsError
from workloads.steps import (
    WORKLOAD_IMAGE,
    choices,
    csv_columns,
    csv_rows,
    csv_table,
    estimators,
    search_spaces,
)
from workloads.steps.choices import refuse_choices
from workloads.steps.csv_table import read, survey
from workloads.steps.embedding import embed, embed_text, what_runs
from workloads.steps.estimators import estimator_for, split
from workloads.steps.search_spaces import parameters_of

PROGRAM = what_runs(inspect.getsource(node))
"""What each node runs."""


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def train_on_nodes(  # noqa: PLR0913, PLR0917 - inputs of a step
    dataset: dsl.Input[dsl.Dataset],
    data: str,
    data_sha256: str,
    target: str,
    model_name: str,
    nodes: int,
    regularization: float,
    seed: int,
    task: str = "auto",
    family: str = "xgboost",
    parameters: str = "",
    cpus_per_node: float = 0.1,
    memory_per_node: str = "512Mi",
    wait_seconds: int = 3600,
) -> NamedTuple("Trees", [("mlflow_run_id", str)]):
    """Divide the rows that a model is fitted on among nodes, and leave the trees in an MLflow run.

    The nodes start together or not at all where the namespace has a queue of Kueue. If one is lost all start
    again, from the last tenth round, and the third time the training fails with the reason of the first node
    that ended.

    Args:
        dataset: A CSV file that validate_data accepted.
        data: Source of the data.
        data_sha256: SHA-256 of the CSV file.
        target: Column with the class, or the quantity.
        model_name: Registered model and MLflow experiment.
        nodes: How many.
        regularization: Inverse regularization strength.
        seed: Selects the held-back rows, and whatever else the model draws.
        task: classification, regression, or auto: as the target's values say.
        family: xgboost.
        parameters: JSON object of the family's parameters that differ from the defaults.
        cpus_per_node: What each node requests.
        memory_per_node: What each node may use, a quantity.
        wait_seconds: How long to wait, the time in the queue included.
    """
    import json
    import os
    import tempfile
    from pathlib import Path

    import mlflow
    import numpy as np
    from kubernetes import config

    refuse_nodes(nodes, family)
    refuse_sizes(cpus_per_node, memory_per_node)
    found = survey(Path(dataset.path), target, task)
    refuse_choices(family, "", found.task, regularization)
    chosen = parameters_of(family, parameters)
    regularization = chosen.pop("regularization", regularization)
    config.load_incluster_config()
    job = RunningTrainJob(f"nodes-{os.environ['KFP_RUN_ID']}")
    all_nodes = Nodes(nodes, cpus_per_node, memory_per_node)
    queue = job.refuse_without_room(all_nodes)

    table = read(Path(dataset.path), found)
    fitted, _ = split(found, table.labels, seed)
    refuse_nodes(nodes, family, len(fitted))
    rows = table.features[fitted] if found.is_matrix else table.features.iloc[fitted]
    ready = prepared(estimator_for(found, regularization, family, seed, chosen), rows, table.labels[fitted])

    tags = {
        "kfp.pipeline_run_id": os.environ["KFP_RUN_ID"],
        "kfp.task": os.environ["KFP_TASK"],
        "kfp.pod": os.environ["KFP_POD_NAME"],
        "data.uri": data,
        "data.sha256": data_sha256,
        "nodes.train_job": job.name,
    }
    mlflow.set_experiment(model_name)
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_name="nodes", tags=tags) as run:
        mlflow.log_params({"data": data, "target": target, "seed": seed, "nodes": nodes, "family": family})
        mlflow.log_params({"regularization": regularization, "training_rows": len(fitted), **chosen})
        Path(folder, JOB).write_text(json.dumps({"parameters": ready.parameters, "rounds": ready.rounds}))
        for place in range(nodes):
            np.savez_compressed(
                Path(folder, ROWS.format(place)),
                features=ready.features[place::nodes],
                labels=ready.labels[place::nodes],
            )
        mlflow.log_artifacts(folder, NODES_FOLDER)
        body = train_job(
            job.name,
            all_nodes,
            program=PROGRAM,
            environment={
                "PLINTH_NODES_RUN": run.info.run_id,
                "MLFLOW_TRACKING_URI": os.environ["MLFLOW_TRACKING_URI"],
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
            },
            labels={"pipeline/runid": os.environ["KFP_RUN_ID"]},
            # With the pod of this step it is deleted, so no training outlives its pipeline run's record.
            owner={"name": os.environ["KFP_POD_NAME"], "uid": os.environ["KFP_POD_UID"]},
            queue=queue,
            deadline_seconds=wait_seconds,
        )
        try:
            job.run(body, wait_seconds)
        except WorkloadsError as error:
            mlflow.set_tag("nodes.reason", str(error))
            raise RuntimeError(str(error)) from None
        mlflow.set_tag("nodes.lost", len(job.lost))
    return (run.info.run_id,)


embed(
    train_on_nodes,
    contract,
    errors,
    waiting,
    choices,
    csv_rows,
    csv_columns,
    csv_table,
    estimators,
    search_spaces,
    trees,
    train_jobs,
    running,
)
for name, text in {"PROGRAM": PROGRAM, "NODES_FOLDER": NODES_FOLDER, "JOB": JOB, "ROWS": ROWS}.items():
    embed_text(train_on_nodes, name, text)
