"""The real engine with a program of a test's own in place of the platform."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra.engine.engine import Engine


@dataclass(frozen=True, kw_only=True)
class ProgramEngine(Engine):
    """An engine that may run another program with a stack's settings and secrets."""

    program: Path | None = None
    """What runs in place of the repository's program."""

    def prepare(self) -> None:
        """Put everything in place, the program to run included."""
        super().prepare()
        if self.program is not None:
            project = self.project / "Pulumi.yaml"
            content: dict[str, Any] = yaml.safe_load(project.read_text())
            project.write_text(yaml.safe_dump(content | {"main": str(self.program)}, sort_keys=False))
