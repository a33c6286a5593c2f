"""Stack outputs, which workloads and the harness read."""

from collections.abc import Mapping

import pulumi


def export(outputs: Mapping[str, pulumi.Input[object]]) -> None:
    """Export the outputs of all parts."""
    for name, value in outputs.items():
        pulumi.export(name, value)
