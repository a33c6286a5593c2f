"""The reference pipeline for many rows: predict a table with a registered model."""

# A call of a step names its inputs; Kubeflow adds its outputs.
# pyright: reportCallIssue=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeArgument=false, reportUnknownParameterType=false

from typing import Any

from kfp import dsl

from workloads.pipelines.surroundings import configure, open_object_store
from workloads.steps.predict_table import predict_table


@dsl.pipeline(name="predict-batch", description="Predict every row of a table with a registered model.")
def predict_batch(
    data: str,
    model_name: str,
    version: str = "champion",
    output: str = "",
    keep: list = [],  # noqa: B006 - Kubeflow reads it, nobody changes it
) -> None:
    """Run the one step, never from the cache: an alias may name another version each time.

    Args:
        data: s3://bucket/key.csv or s3://bucket/key.parquet, with the columns of the model.
        model_name: The registered model.
        version: Number of its version, or an alias.
        output: Where to write the predictions, as CSV or Parquet; empty: s3://bucket/predictions/NAME/RUN.
        keep: Columns to copy next to the predictions.
    """
    predicted: Any = predict_table(
        data=data, model_name=model_name, version=version, output=output, keep=keep
    )
    open_object_store(configure(predicted, cache=False, memory="2Gi"))
