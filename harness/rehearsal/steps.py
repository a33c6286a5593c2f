"""Steps of a rehearsal: the commands of each, and what only a real account can show."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.night.phases import Command
from infra.settings.cluster import EksSettings
from infra.settings.stack import PROJECT, Settings

_MINUTE = 60.0
# AWS takes a quarter of an hour for a cluster, and as long for databases with a standby.
_UP_SECONDS = 90 * _MINUTE


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: all of its commands must succeed."""

    name: str
    shows: str
    """What its success shows."""
    commands: tuple[Command, ...] = ()
    not_shown: str = ""
    """Why the stand-in cannot show it; such a step has no commands there."""
    changes: tuple[tuple[str, Any], ...] = ()
    """Settings that are changed before it, and stay changed: dotted path in the stack file, value."""
    always: bool = False
    """Whether it also runs after a failure, because what exists costs money."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is rehearsed, and where."""

    stack: str
    settings: Settings
    stand_in: Path | None = None
    """Folder of the stand-in for AWS; without one the steps use the account."""

    def _program(self, *arguments: str, minutes: float, name: str = "") -> Command:
        """Return a command of the program, or of its stand-in."""
        module = "infra" if self.stand_in is None else "simulation.aws"
        argv = (sys.executable, "-m", module, *arguments, "--stack", self.stack)
        place = () if self.stand_in is None else ("--at", str(self.stand_in))
        title = name or " ".join(arguments)
        return Command(name=title, argv=(*argv, *place), timeout_seconds=minutes * _MINUTE)

    def steps(self) -> tuple[Step, ...]:
        """Return all steps, in order."""
        return (
            self._on_account(
                "preflight",
                "the account has what the stack needs, and nothing of the stack exists",
                self._program("preflight", minutes=10),
                reason="quotas, names, offers and roles of an account",
            ),
            Step(
                name="preview",
                shows="the plan is accepted",
                commands=(self._program("preview", minutes=30),),
            ),
            Step(
                name="up",
                shows="everything is created, and a second run changes nothing",
                commands=(
                    self._program("up", minutes=_UP_SECONDS / _MINUTE),
                    self._program("up", "--expect-no-changes", minutes=30),
                ),
            ),
            *self._use(),
            Step(
                name="change",
                shows="a changed setting is rolled out and replaces nothing that holds data",
                changes=(("cluster.logDays", 3), ("cluster.systemPool.max", self._most_nodes() + 1)),
                commands=(
                    self._program("up", minutes=60),
                    self._program("up", "--expect-no-changes", minutes=30),
                ),
            ),
            *self._protection(),
            Step(
                name="destroy",
                shows="everything is deleted, in an order that AWS accepts",
                commands=(self._program("destroy", minutes=90),),
                always=True,
            ),
            self._on_account(
                "leftovers",
                "nothing of the stack is left that costs money",
                self._program("leftovers", minutes=10),
                reason="what services keep by themselves: snapshots, volumes, log groups",
                always=True,
            ),
        )

    def _most_nodes(self) -> int:
        cluster = self.settings.cluster
        if not isinstance(cluster, EksSettings):
            raise TypeError(f"stack {self.stack} is not on AWS")
        return cluster.system_pool.max

    def _on_account(
        self, name: str, shows: str, *commands: Command, reason: str, always: bool = False
    ) -> Step:
        """Return a step that only an account can show."""
        if self.stand_in is not None:
            return Step(name=name, shows=shows, not_shown=reason)
        return Step(name=name, shows=shows, commands=commands, always=always)

    def _use(self) -> tuple[Step, ...]:
        """Return the steps on the running platform."""
        harness = (sys.executable, "-m", "harness")
        tunnel = (*harness, "tunnel", "--stack", self.stack, "--")
        workloads = (sys.executable, "-m", "workloads", "run", "train_register_serve")
        prediction = Command(
            name="run a pipeline through a tunnel",
            argv=(*tunnel, *workloads, "--data", "wine", "--endpoints", "{endpoints}"),
            timeout_seconds=40 * _MINUTE,
        )
        journeys = Command(
            name="journeys through a tunnel",
            argv=(
                *tunnel,
                *harness,
                "verify",
                "--only",
                "quick",
                "--keep-going",
                "--endpoints",
                "{endpoints}",
            ),
            timeout_seconds=60 * _MINUTE,
            is_pytest=True,
        )
        device = Command(
            name="nvidia-smi in a pod",
            argv=(*harness, "gpu-pod", "--stack", self.stack),
            timeout_seconds=40 * _MINUTE,
        )
        steps = [
            self._on_account(
                "prediction",
                "a model is trained, registered and served",
                prediction,
                reason="images that nodes pull, pods that run, identities that reach buckets and databases",
            ),
            self._on_account("verify", "the journeys of `make verify` pass", journeys, reason="running pods"),
        ]
        if self.settings.gpu_pools and any(team.gpu_quota for team in self.settings.teams):
            reason = "a node that starts, its driver, its devices; `make gpu-sim` shows scheduling and quotas"
            steps.append(
                self._on_account(
                    "GPU pod", "a GPU node starts and a pod sees its device", device, reason=reason
                )
            )
        return tuple(steps)

    def _protection(self) -> tuple[Step, ...]:
        """Return the step in which a protected stack gives up its protection, so that it can be destroyed."""
        if not self.settings.protect:
            return ()
        return (
            Step(
                name="protection",
                shows="stores can be deleted only after a change that says so",
                # Production refuses to be unprotected.
                changes=(("protect", False), ("environment", "staging")),
                commands=(self._program("up", minutes=60),),
                always=True,
            ),
        )


def changed(content: dict[str, Any], changes: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """Return a stack file's content with other values at dotted paths."""
    config: dict[str, Any] = dict(content["config"])
    for path, value in changes:
        section, *inner = path.split(".")
        config[f"{PROJECT}:{section}"] = _with(config.get(f"{PROJECT}:{section}"), inner, value)
    return {**content, "config": config}


def _with(value: Any, path: list[str], new: Any) -> Any:
    if not path:
        return new
    name, *rest = path
    table: dict[str, Any] = dict(value or {})
    return table | {name: _with(table.get(name), rest, new)}
