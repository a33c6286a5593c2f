"""The real engine, running a test's program in place of the platform."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra.engine.engine import Engine


@dataclass(frozen=True, kw_only=True)
class ProgramEngine(Engine):
    """An engine that can run another program with a stack's settings and secrets."""

    program: Path | None = None
    """The program to run; without it the repository's."""

    def prepare(self) -> None:
        """Prepare a run as the engine does, then select the program."""
        super().prepare()
        if self.program is not None:
            project = self.project / "Pulumi.yaml"
            content: dict[str, Any] = yaml.safe_load(project.read_text())
            project.write_text(yaml.safe_dump(content | {"main": str(self.program)}, sort_keys=False))
