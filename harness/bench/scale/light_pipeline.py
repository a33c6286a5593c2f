"""The pipeline of the bench: one light step, so that what is measured is the platform and not its work."""

# Kubeflow, not pyright, reads the annotations of a step.
# pyright: basic, reportReturnType=false, reportAttributeAccessIssue=false, reportArgumentType=false

from pathlib import Path
from typing import Any, Final

from kfp import compiler, dsl

from workloads.pipelines import run_requests
from workloads.steps import WORKLOAD_IMAGE

NAME: Final = "scale"


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def add(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second


@dsl.pipeline(name=NAME)
def _pipeline(number: int):
    add(first=number, second=1).set_caching_options(False)


def compile_to(folder: Path, image: str) -> Path:
    """Write the compiled pipeline, with an image for its step, to a folder; return the file."""
    import yaml

    path = folder / f"{NAME}.yaml"
    compiler.Compiler().compile(_pipeline, str(path))
    documents: list[Any] = list(yaml.safe_load_all(path.read_text()))
    run_requests.set_image(documents[0], image)
    path.write_text(yaml.safe_dump_all(documents))
    return path
