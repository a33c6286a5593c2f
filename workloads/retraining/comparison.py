"""Two models on the same labelled rows: which one is right more often, or nearer.

Embedded in the step that compares, with the modules that it imports from here.
"""

# numpy and mlflow ship no complete types.
# pyright: basic

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workloads.batches.csv_parts import parts_of_csv
from workloads.batches.model_columns import columns_of


@dataclass(frozen=True)
class Answers:
    """What one model says of labelled rows."""

    labels: Any
    """What is right, as texts, or as numbers of a regression."""
    given: Any
    """The classes, or the quantities."""


@dataclass(frozen=True)
class Comparison:
    """Both figures."""

    metric: str
    """accuracy, of which more is better, or rmse, of which less is."""
    champion: float
    challenger: float
    rows: int
    only_champion_right: int = 0
    """Rows of a classification that the champion alone got right."""
    only_challenger_right: int = 0

    @property
    def is_worse(self) -> bool:
        """Whether the challenger is worse on these rows."""
        if self.metric == "rmse":
            return self.challenger > self.champion
        return self.challenger < self.champion

    def said(self) -> str:
        """Return both figures in one line."""
        pairs = (
            f", {self.only_challenger_right} rows right by the challenger alone and "
            f"{self.only_champion_right} by the champion alone"
            if self.metric == "accuracy"
            else ""
        )
        return (
            f"challenger's {self.metric} {self.challenger:.4g}, champion's {self.champion:.4g}, "
            f"on {self.rows} fresh rows{pairs}"
        )


def answers_of(model: Any, table: Path, target: str) -> Answers:
    """Ask a model that MLflow has loaded for every row of a CSV file.

    Raises:
        ValueError: the file has not the columns of the model; one line.
    """
    inputs = columns_of(model.metadata)
    classes = (model.metadata.metadata or {}).get("classes", [])
    given: list[Any] = []
    labels: list[str] = []
    for part in parts_of_csv(table, inputs.columns, [target]):
        answers = np.asarray(model.predict(inputs.table(part.cells)))
        given.extend(np.array(classes)[answers.argmax(axis=1)] if classes else answers.tolist())
        labels.extend(part.kept[target].to_pylist())
    if classes:
        return Answers(np.array([each.strip() for each in labels]), np.array(given))
    return Answers(np.array([float(each.replace(",", ".")) for each in labels]), np.array(given))


def compared(champion: Answers, challenger: Answers) -> Comparison:
    """Return the figures of two models for the same rows.

    Raises:
        ValueError: one says classes, the other quantities; one line.
    """
    rows = len(champion.labels)
    if champion.labels.dtype.kind != challenger.labels.dtype.kind:
        raise ValueError(
            "comparison: one of the models predicts classes and the other quantities; "
            "train a model of another task under another name"
        )
    if champion.labels.dtype.kind == "f":
        old, new = (
            float(np.sqrt(np.mean((each.given - each.labels) ** 2))) for each in (champion, challenger)
        )
        return Comparison("rmse", old, new, rows)
    right, right_now = (each.given == each.labels for each in (champion, challenger))
    return Comparison(
        "accuracy",
        float(right.mean()),
        float(right_now.mean()),
        rows,
        int((right & ~right_now).sum()),
        int((right_now & ~right).sum()),
    )
