"""Modules inside the source of a step."""

import ast
from pathlib import Path
from typing import Any

import pytest

from workloads.distributed import train_on_nodes
from workloads.embeddings import evaluate as evaluate_vectors
from workloads.embeddings import export, load_wheel, sentence_model
from workloads.steps import deploy, evaluate, predict_table, register, search, smoke, train, validate_data

STEPS: dict[str, Any] = {
    "deploy": deploy.deploy,
    "evaluate": evaluate.evaluate,
    "evaluate of embeddings": evaluate_vectors.evaluate,
    "export": export.export,
    "load_wheel": load_wheel.load_wheel,
    "predict_table": predict_table.predict_table,
    "register": register.register,
    "search": search.search,
    "smoke": smoke.smoke,
    "train": train.train,
    "train_on_nodes": train_on_nodes.train_on_nodes,
    "validate_data": validate_data.validate_data,
}
# The longest text that Linux passes to a program in one argument.
_LONGEST_ARGUMENT = 128 * 1024


@pytest.mark.parametrize("name", STEPS)
def test_the_source_of_a_step_runs_without_this_repository(name: str) -> None:
    source: str = STEPS[name].component_spec.implementation.container.command[-1]
    modules = {
        node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    assert not [module for module in modules if module.startswith("workloads")]
    scope: dict[str, Any] = {"__name__": "ephemeral_component"}
    exec(compile(source, "ephemeral_component.py", "exec"), scope)  # noqa: S102 - as Kubeflow does
    assert callable(scope[name.split()[0]])
    # All modules share one scope: the second of two functions of one name would be called by both.
    made = [
        node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ] + [
        target.id
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    ]
    assert sorted(made) == sorted(set(made))
    assert len(source) < _LONGEST_ARGUMENT


def test_a_text_is_in_front_of_a_step_as_it_stands() -> None:
    source: str = STEPS["export"].component_spec.implementation.container.command[-1]
    scope: dict[str, Any] = {"__name__": "ephemeral_component"}
    exec(compile(source, "ephemeral_component.py", "exec"), scope)  # noqa: S102 - as Kubeflow does
    assert scope["MODEL_CODE"] == export.MODEL_CODE == Path(sentence_model.__file__).read_text()


def test_what_a_step_calls_is_embedded_before_it() -> None:
    source: str = STEPS["train"].component_spec.implementation.container.command[-1]
    places = [
        source.index(f"\ndef {name}(") for name in ("rows", "kind_of", "survey", "estimator_for", "train")
    ]
    assert places == sorted(places)
