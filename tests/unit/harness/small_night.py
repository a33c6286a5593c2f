"""A night of seconds, run as a real one is: `python -m tests.unit.harness.small_night outer|inner FOLDER`."""

import sys
from pathlib import Path

from harness.evidence.night import Fault, Night, Phase
from harness.execution import Stop
from harness.nightly import Journal, Nightly, guard
from harness.phases import Command, Plan
from harness.progress import Progress

RUN = "2026-11-21T02-00-00"


def shell(name: str, script: str, seconds: float = 60.0, fault: Fault = Fault.PRODUCT) -> Command:
    """A command that a shell runs."""
    return Command(name=name, argv=("sh", "-c", script), timeout_seconds=seconds, fault=fault)


class Silent:
    """A collector with nothing to say, except what a test gives it."""

    def __init__(self, promises: dict[str, str] | None = None, lost: str = "") -> None:
        self._promises = promises or {}
        self._lost = lost

    def begin(self) -> None:
        """Nothing to look at."""

    def after(self, phase: str, night: Night) -> Night:
        """Return the night with the promise of a phase, or fail for the one whose evidence is lost."""
        from dataclasses import replace

        if phase == self._lost:
            raise FileNotFoundError("no such report")
        if phase not in self._promises:
            return night
        promise = {"phase": phase, "promise": "a row is predicted", "seconds": 0.1, "figures": {}}
        promise |= {"outcome": self._promises[phase], "reason": "class_1 instead of class_2"}
        return replace(night, promises=(*night.promises, promise))


def night_of(folder: Path, plans: tuple[Plan, ...], collector: Silent | None = None) -> Night:
    """Run the plans as a night whose reports go to a folder."""
    begun = Night(
        run=RUN, began="2026-11-21T02:00:00+00:00", phases=tuple(Phase(name=plan.name) for plan in plans)
    )
    stop = Stop()
    stop.install()
    return Nightly(
        Journal(folder / RUN, begun),
        plans,
        collector or Silent(),
        stop=stop,
        progress=Progress("small"),
        removal=shell("remove", f"touch {folder}/removed"),
    ).run()


def _waiting(folder: Path) -> tuple[Plan, ...]:
    return (
        Plan(name="up", commands=(shell("cluster", "echo up"),)),
        Plan(name="verify", commands=(shell("quick journeys", "echo waits; exec sleep 300"),), needs="up"),
        Plan(name="load", commands=(shell("load", "echo load"),), needs="up"),
        Plan(name="down", commands=(shell("down", f"touch {folder}/removed"),), always=True),
    )


def main(part: str, folder: Path) -> int:
    """Run one of the two processes of a night."""
    if part == "inner":
        return night_of(folder, _waiting(folder)).exit_code
    inner = [sys.executable, "-m", "tests.unit.harness.small_night", "inner", str(folder)]
    return guard(RUN, inner, (folder / "removed").touch, folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
