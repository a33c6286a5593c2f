"""The stack's outputs: the contract that workloads and the harness read."""

from collections.abc import Mapping

import pulumi


def export(outputs: Mapping[str, pulumi.Input[object]]) -> None:
    """Hand the outputs of all parts to the engine."""
    for name, value in outputs.items():
        pulumi.export(name, value)
