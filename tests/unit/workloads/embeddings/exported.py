"""A model exported by the step itself, from a small encoder, for the tests of this step and the next."""

import importlib.metadata
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from tests.fixtures import encoders
from workloads.embeddings import export

EXPORT: Any = export.export
DATA, SHA256 = "pkg:pypi/tiny-encoder@0.1", "5" * 64


@dataclass(frozen=True)
class Exported:
    """What the step hands on."""

    held_back: Any
    model_id: str
    mlflow_run_id: str


def exported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Exported:
    """Export it, with stand-ins for the packages that the environment of the tests lacks."""
    modules = encoders.stand_in_modules()
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    version = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "1.0" if name in modules else version(name)
    )
    monkeypatch.setattr(export, "to_onnx", lambda graph, width: f"{len(graph.nodes)} {width}".encode())
    wheel: Any = dsl.Artifact(uri=str(encoders.write_wheel(folder / "wheel")))
    held_back: Any = dsl.Dataset(uri=str(folder / "held_back.json"))
    model_id, run_id = EXPORT.python_func(
        wheel=wheel, data=DATA, data_sha256=SHA256, model_name="tiny", held_back=held_back
    )
    return Exported(held_back, model_id, run_id)
