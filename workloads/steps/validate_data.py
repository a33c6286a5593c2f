"""Step: reject data that no model can be trained on, naming the column, the line and the remedy."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false

from typing import NamedTuple

from kfp import dsl

from workloads import errors
from workloads.errors import WorkloadsError
from workloads.serving import runtime_choice
from workloads.serving.runtime_choice import family_with
from workloads.steps import WORKLOAD_IMAGE, choices, csv_columns, csv_rows, csv_table
from workloads.steps.choices import PACKAGES, refuse_choices
from workloads.steps.csv_table import survey
from workloads.steps.embedding import embed


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def validate_data(
    dataset: dsl.Input[dsl.Dataset],
    data_sha256: str,
    target: str,
    task: str = "auto",
    family: str = "linear",
    objective: str = "",
) -> NamedTuple("Validated", [("rows", int), ("features", int), ("classes", int)]):
    """Check a CSV file with features and one column with the class or the quantity to predict.

    Refused as well: a family of models that no serving runtime of the platform could serve afterwards.

    Args:
        dataset: The CSV file.
        data_sha256: SHA-256 of the CSV file, so that the cached result applies to the same bytes alone.
        target: Column with the class, or the quantity.
        task: classification, regression, or auto: as the target's values say.
        family: linear, random_forest, xgboost or lightgbm.
        objective: Metric that decides on registration; empty for the usual one.
    """
    from pathlib import Path

    found = survey(Path(dataset.path), target, task)
    refuse_choices(family, objective, found.task)
    if family in PACKAGES:
        try:
            family_with({PACKAGES[family]}, f"family {family!r}")
        except WorkloadsError as error:
            # Without its type in front, as every refusal.
            raise ValueError(str(error)) from None
    print(f"data: {found.understood()}")
    return found.rows, len(found.features), found.classes


embed(validate_data, errors, runtime_choice, choices, csv_rows, csv_columns, csv_table)
