"""The real engine moves a profile out of the component that once created it, and replaces nothing."""

from pathlib import Path
from typing import Any

import pytest

from infra.engine import events
from simulation.program_engine import ProgramEngine

# Manifests go to a folder: the provider needs no cluster.
PROGRAM = """
from pathlib import Path
import pulumi
import pulumi_kubernetes as kubernetes
from components.queues import local_queue
from components.teams.team_profile import TeamProfile, TeamProfileArgs, alias_below

class Scheduling(pulumi.ComponentResource):
    def __init__(self, opts):
        super().__init__("plinth:index:GpuScheduling", "gpu-scheduling", None, opts)
        self.register_outputs({})

provider = kubernetes.Provider("files", render_yaml_to_directory=str(Path("rendered").absolute()))
scheduling = Scheduling(pulumi.ResourceOptions(provider=provider))
if Path("moved").exists():
    alias = alias_below("gpu-scheduling", "plinth:index:GpuScheduling", "vision")
    name, opts = "team-vision", pulumi.ResourceOptions(provider=provider, aliases=[alias])
else:
    name, opts = "gpu-scheduling-vision", pulumi.ResourceOptions(parent=scheduling)
profile = TeamProfile(name, TeamProfileArgs(team="vision"), opts)
local_queue.deploy(profile.owner, "vision", after=[])
"""


def run(engine: ProgramEngine, command: str) -> events.Summary:
    seen: list[dict[str, Any]] = []
    code = engine.run(command, on_event=seen.append)
    assert code == 0, engine.output_of(command)
    return events.summarise(seen)


def test_a_moved_profile_keeps_its_namespace_policy_and_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(key, raising=False)
    program = tmp_path / "program"
    program.mkdir()
    (program / "__main__.py").write_text(PROGRAM)
    engine = ProgramEngine(stack="local", folder=tmp_path / "engine", program=program)
    engine.prepare()
    # Stack, provider, three components; namespace, two policies, queue.
    assert run(engine, "up").changes == {"create": 9}
    (program / "moved").touch()
    engine.prepare()
    # Labels name the component, so every object changes in place.
    assert run(engine, "up").changes == {"same": 5, "update": 4}
    assert run(engine, "up").changes == {"same": 9}
    assert run(engine, "destroy").changes == {"delete": 9}
