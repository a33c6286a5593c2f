"""Puts modules of this repository into the source of a step, which runs without the repository."""

import ast
import inspect
from types import ModuleType
from typing import Any


def embed(step: Any, *modules: ModuleType) -> None:
    """Put the source of modules in front of a step's own, in their order.

    Args:
        step: A component that Kubeflow made of a function.
        modules: Modules of this repository; they import each other only, and libraries of the image.
    """
    command = step.component_spec.implementation.container.command
    command[-1] = "\n".join(
        [*(_without_own_imports(inspect.getsource(each)) for each in modules), command[-1]]
    )


def _without_own_imports(source: str) -> str:
    """Return a module without its imports of this repository, which a step's image does not hold."""
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "workloads":
            lines[node.lineno - 1 : node.end_lineno] = [""] * (
                (node.end_lineno or node.lineno) - node.lineno + 1
            )
    return "\n".join(lines) + "\n"
