"""A model trained by the steps themselves, for the tests of the steps after it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfp import dsl

from workloads.steps import load_data, train

LOAD: Any = load_data.load_data
TRAIN: Any = train.train


@dataclass(frozen=True)
class Trained:
    """What train hands on."""

    sha256: str
    held_back: Any
    model_id: str
    mlflow_run_id: str


def trained(folder: Path, data: str = "wine") -> Trained:
    """Train on a data set that ships with scikit-learn."""
    dataset: Any = dsl.Dataset(uri=str(folder / "data.csv"))
    held_back: Any = dsl.Dataset(uri=str(folder / "held_back.json"))
    (sha256,) = LOAD.python_func(data=data, data_sha256="", dataset=dataset)
    model_id, run_id = TRAIN.python_func(
        dataset=dataset,
        data=data,
        data_sha256=sha256,
        target="target",
        model_name=data,
        regularization=1.0,
        seed=0,
        held_back=held_back,
    )
    return Trained(sha256, held_back, model_id, run_id)
