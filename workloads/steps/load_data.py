"""Step: load a data set into the pipeline and check that it has the expected SHA-256."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false

from typing import Any, NamedTuple

from kfp import dsl

from workloads.steps import WORKLOAD_IMAGE, data_version
from workloads.steps.data_version import bucket_of, keep
from workloads.steps.embedding import embed


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def load_data(
    data: str,
    data_sha256: str,
    dataset: dsl.Output[dsl.Dataset],
) -> NamedTuple("Loaded", [("sha256", str)]):
    """Write a CSV file with one header line, and keep it in the object store under its content's name.

    Args:
        data: Name of a data set that ships with scikit-learn (wine, breast_cancer), or s3://bucket/key.csv.
        data_sha256: Expected SHA-256 of the CSV file; empty accepts any. Changed data misses the cache.
        dataset: The CSV file, unchanged.
    """
    import hashlib
    import os
    from pathlib import Path

    def shipped(name: str) -> bytes:
        from sklearn import datasets

        bunch = {"wine": datasets.load_wine, "breast_cancer": datasets.load_breast_cancer}[name]()
        labels = [str(bunch.target_names[code]) for code in bunch.target]
        lines = [",".join([*map(str, bunch.feature_names), "target"])]
        for row, label in zip(bunch.data.tolist(), labels, strict=True):
            lines.append(",".join([*map(repr, row), label]))
        return ("\n".join(lines) + "\n").encode()

    def object_store() -> Any:
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=os.environ["PLINTH_S3_ENDPOINT"],
            region_name=os.environ["PLINTH_S3_REGION"],
        )

    def stored(bucket: str, key: str) -> None:
        from botocore.exceptions import ClientError

        try:
            body = object_store().get_object(Bucket=bucket, Key=key)["Body"]
            with Path(dataset.path).open("wb") as file:
                # In parts: the file may be larger than this step's memory.
                for part in body.iter_chunks(1 << 20):
                    file.write(part)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise ValueError(
                f"data {data}: cannot be read ({code}); upload the CSV file there first"
            ) from None

    if data in ("wine", "breast_cancer"):
        Path(dataset.path).write_bytes(shipped(data))
    elif data.startswith("s3://") and data.count("/") > 2 and data.lower().endswith((".csv", ".tsv")):
        bucket, _, key = data.removeprefix("s3://").partition("/")
        stored(bucket, key)
    else:
        raise ValueError(f"data {data}: unknown; give wine, breast_cancer or s3://bucket/key.csv")

    with Path(dataset.path).open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if data_sha256 and sha256 != data_sha256:
        raise ValueError(
            f"data {data}: has SHA-256 {sha256}, not {data_sha256}; it changed: submit the run again"
        )
    # On a laptop artifacts are files.
    if own := bucket_of(dataset.uri):
        keep(object_store(), own, Path(dataset.path))
    dataset.metadata["sha256"] = sha256
    return (sha256,)


embed(load_data, data_version)
