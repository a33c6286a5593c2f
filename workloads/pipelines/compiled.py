"""Compiles pipelines: to the specs that are submitted, and to the golden text kept next to the source."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import yaml
from kfp import compiler

from workloads.errors import WorkloadsError
from workloads.pipelines import run_requests
from workloads.pipelines.embed import embed
from workloads.pipelines.predict_batch import predict_batch
from workloads.pipelines.retrain import retrain
from workloads.pipelines.train_distributed import train_distributed
from workloads.pipelines.train_register_serve import train_register_serve
from workloads.pipelines.tune import tune
from workloads.steps import WORKLOAD_IMAGE

PIPELINES: Final[dict[str, Any]] = {
    "embed": embed,
    "predict_batch": predict_batch,
    "retrain": retrain,
    "train_distributed": train_distributed,
    "train_register_serve": train_register_serve,
    "tune": tune,
}


def golden(name: str) -> Path:
    """Return the file of a pipeline's compiled form."""
    return Path(__file__).parent / f"{name}.yaml"


def compiled(name: str, image: str = WORKLOAD_IMAGE) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the pipeline spec and the platform spec of a pipeline, with an image for its steps."""
    if name not in PIPELINES:
        raise WorkloadsError(f"pipeline {name}: unknown; give one of {', '.join(PIPELINES)}")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        compiler.Compiler().compile(PIPELINES[name], str(path))
        spec, platform = yaml.safe_load_all(path.read_text())
    run_requests.set_image(spec, image)
    return spec, platform


def text(name: str) -> str:
    """Return the golden text of a pipeline."""
    return yaml.safe_dump_all(compiled(name), sort_keys=True, width=110, allow_unicode=True)
