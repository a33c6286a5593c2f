"""Step: add the labelled rows of a window to the data that a model was trained on."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false

from typing import NamedTuple

from kfp import dsl

from workloads.batches import table_files
from workloads.batches.table_files import store_of_steps
from workloads.retraining import fresh_tables, labelled_rows, stored_rows
from workloads.retraining.fresh_tables import write_tables
from workloads.retraining.labelled_rows import LABELS, LabelledRows
from workloads.retraining.stored_rows import read_labels, read_requests, window_of
from workloads.steps import WORKLOAD_IMAGE, csv_columns, csv_rows, csv_table
from workloads.steps.csv_table import survey
from workloads.steps.embedding import embed


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def assemble_data(  # noqa: PLR0913, PLR0917 - inputs of a step
    base: dsl.Input[dsl.Dataset],
    base_sha256: str,
    target: str,
    task: str,
    model_name: str,
    begin: str,
    end: str,
    minimum_rows: int,
    dataset: dsl.Output[dsl.Dataset],
    fresh: dsl.Output[dsl.Dataset],
) -> NamedTuple("Assembled", [("sha256", str), ("labelled_rows", int)]):
    """Join recorded requests with labels, by the ids of requests; three rows of ten are held back.

    Args:
        base: The CSV file that the model was trained on at first.
        base_sha256: Its SHA-256.
        target: Column with the class, or the quantity.
        task: classification, regression, or auto: as the target's values say.
        model_name: The registered model whose callers are meant.
        begin: When the window of requests begins, ISO 8601; empty for seven days before its end.
        end: When it ends; empty for now.
        minimum_rows: Labelled rows without which nothing is trained.
        dataset: The base with the labelled rows that are to be learnt.
        fresh: The other labelled rows, which no model is ever trained on.
    """
    import hashlib
    import os
    from pathlib import Path

    window = window_of(begin, end)
    location = os.environ["PLINTH_PAYLOADS"]
    if not location:
        raise ValueError(
            "labels: the platform records no requests that they could belong to; set plinth:payloads.enabled"
        )
    store = store_of_steps()
    found = LabelledRows(*window)
    read_labels(store, location, model_name, found)
    if found.labels:
        read_requests(store, location, model_name, window, found)
    within = " to ".join(f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in window)
    print(f"labels: {found.said()}, {within}")
    missing = minimum_rows - len(found.rows)
    if missing > 0:
        raise ValueError(
            f"labels: {missing} of {minimum_rows} labelled rows are missing, {within} ({found.said()}); "
            f"upload labels to {location}/{model_name}/{LABELS}/, or give a longer window"
        )
    read_as = survey(Path(base.path), target, task)
    added = write_tables(Path(base.path), read_as, found.rows, Path(dataset.path), Path(fresh.path))
    if added.other_columns or not added.held_back or not added.trained:
        raise ValueError(
            f"labels: {added.other_columns} of {len(found.rows)} labelled rows lack features of the data, "
            f"{added.trained} are left to learn and {added.held_back} to compare by; exclude no feature from "
            "what is recorded, and give the data that the model was trained on"
        )
    for each in (dataset, fresh):
        with Path(each.path).open("rb") as file:
            each.metadata["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    facts = {
        "base.sha256": base_sha256,
        "window": within,
        "labelled_rows": len(found.rows),
        "fresh.sha256": fresh.metadata["sha256"],
        "left_out": found.said(),
    }
    dataset.metadata.update(facts)
    print(f"data: {added.trained} rows added to {read_as.rows}, {added.held_back} held back")
    return dataset.metadata["sha256"], len(found.rows)


embed(
    assemble_data,
    table_files,
    csv_rows,
    csv_columns,
    csv_table,
    labelled_rows,
    stored_rows,
    fresh_tables,
)
