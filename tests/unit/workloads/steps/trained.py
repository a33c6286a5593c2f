"""A model trained by the steps themselves, for the tests of the steps after it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfp import dsl

from workloads.steps import evaluate, load_data, register, train

EVALUATE: Any = evaluate.evaluate
LOAD: Any = load_data.load_data
REGISTER: Any = register.register
TRAIN: Any = train.train


@dataclass(frozen=True)
class Trained:
    """What train hands on."""

    sha256: str
    held_back: Any
    model_id: str
    mlflow_run_id: str


def mixed(target: str = "class") -> str:
    """Return a CSV file of numbers, texts and booleans with missing values, and a class or a quantity."""
    lines = ["size,colour,new,sold,target"]
    for at in range(60):
        size = "" if at % 9 == 4 else f"{at % 7}.{at}"
        colour = ("red", "", "blue")[at % 3]
        label = ("small", "large")[at % 2] if target == "class" else f"{10 * (at % 2) + at % 7}.{at:02}"
        lines.append(f"{size},{colour},{at % 2 == 0},{('True', 'NA', 'False')[at % 3]},{label}")
    return "\n".join(lines) + "\n"


def trained(folder: Path, data: str = "wine", content: str = "", family: str = "linear") -> Trained:
    """Train on a data set that ships with scikit-learn, or on the content of a CSV file."""
    dataset: Any = dsl.Dataset(uri=str(folder / "data.csv"))
    held_back: Any = dsl.Dataset(uri=str(folder / "held_back.json"))
    if content:
        Path(dataset.path).write_text(content)
        sha256 = "0" * 64
    else:
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
        family=family,
    )
    return Trained(sha256, held_back, model_id, run_id)


def register_wine(folder: Path) -> Trained:
    """Train a model on wine, evaluate it and register it, as a pipeline does."""
    result = trained(folder)
    digest, evaluation = EVALUATE.python_func(
        held_back=result.held_back,
        model_id=result.model_id,
        mlflow_run_id=result.mlflow_run_id,
        data_sha256=result.sha256,
        minimum_accuracy=0.5,
        metrics=dsl.Metrics(),
    )
    REGISTER.python_func(
        model_name="wine",
        model_id=result.model_id,
        model_digest=digest,
        mlflow_run_id=result.mlflow_run_id,
        evaluation_run_id=evaluation,
        data_sha256=result.sha256,
        data="wine",
    )
    return result
