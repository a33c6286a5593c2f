"""Step: reject data that no model can be trained on, naming the column, the line and the remedy."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false

from typing import NamedTuple

from kfp import dsl

from workloads.steps import WORKLOAD_IMAGE, csv_columns, csv_rows, csv_table
from workloads.steps.csv_table import survey
from workloads.steps.embedding import embed


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def validate_data(
    dataset: dsl.Input[dsl.Dataset],
    data_sha256: str,
    target: str,
    task: str = "auto",
) -> NamedTuple("Validated", [("rows", int), ("features", int), ("classes", int)]):
    """Check a CSV file with features and one column with the class or the quantity to predict.

    Args:
        dataset: The CSV file.
        data_sha256: SHA-256 of the CSV file, so that the cached result applies to the same bytes alone.
        target: Column with the class, or the quantity.
        task: classification, regression, or auto: as the target's values say.
    """
    from pathlib import Path

    found = survey(Path(dataset.path), target, task)
    print(f"data: {found.understood()}")
    return found.rows, len(found.features), found.classes


embed(validate_data, csv_rows, csv_columns, csv_table)
