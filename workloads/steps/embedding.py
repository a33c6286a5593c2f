"""Puts modules of this repository into the source of a step, which runs without the repository."""

import ast
import inspect
from types import ModuleType
from typing import Any


def embed(step: Any, *modules: ModuleType) -> None:
    """Put the source of modules in front of a step's own, in their order.

    Docstrings and comments are left out: Argo keeps the source of each step that has run several times in its
    workflow, which may not exceed 1 MiB.

    Args:
        step: A component that Kubeflow made of a function.
        modules: Modules of this repository; they import each other only, and libraries of the image.
    """
    command = step.component_spec.implementation.container.command
    command[-1] = "\n".join([*(what_runs(inspect.getsource(each)) for each in modules), command[-1]])


def embed_text(step: Any, name: str, text: str) -> None:
    """Put a text in front of a step's source, as a constant of a name that the step's own module has too.

    For what a step writes into a file as it stands, such as the code that is stored with a model.
    """
    command = step.component_spec.implementation.container.command
    command[-1] = f"{name} = {text!r}\n{command[-1]}"


def what_runs(source: str) -> str:
    """Return a module without docstrings, and without imports of this repository, which no image holds."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [each for each in node.body if not _is_text(each) and not _is_own_import(each)] or [
                ast.Pass()
            ]
    return f"{ast.unparse(tree)}\n"


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_own_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "workloads"
