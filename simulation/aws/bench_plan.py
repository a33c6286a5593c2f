"""Measures how time and memory of planning grow: stack dev with 1, 10 and 100 GPU pools and teams."""

import json
import resource
import tempfile
import time
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra.settings.stack import PROJECT
from simulation.aws.simulation import simulated
from upstream.cache import cache_root

_STACK = "dev"
SIZES = (1, 10, 100)
# The largest plan may cost this many times as much per resource as the smallest.
LIMIT = 1.2


@dataclass(frozen=True, kw_only=True)
class Figure:
    """The cost of one plan."""

    size: int
    """Number of pools, and of teams."""
    resources: int
    seconds: float
    """Wall clock time, including other load of the machine."""
    cpu_seconds: float
    """CPU time of engine, program and providers."""
    memory_mib: int
    """Peak memory of the largest process."""

    def line(self) -> str:
        """Return the figure as a row of a table."""
        each = 1000 * self.cpu_seconds / self.resources
        return (
            f"{self.size:>5} {self.resources:>9} {self.seconds:>8.1f} {self.cpu_seconds:>8.1f} "
            f"{each:>13.1f} {self.memory_mib:>8}"
        )


HEAD = " size resources  seconds   cpu s cpu ms/resource  MiB max"


def grown(content: dict[str, Any], size: int) -> dict[str, Any]:
    """Return a stack file with that many pools and teams; each team has a quota in one pool."""
    made = deepcopy(content)
    config: dict[str, Any] = made["config"]
    config[f"{PROJECT}:gpuPools"] = [
        {"name": f"pool-{number}", "instanceTypes": ["g6.xlarge"], "max": 2} for number in range(size)
    ]
    config[f"{PROJECT}:teams"] = [
        # Pipelines of their own are 60 resources each: a hundred of them would hide the pools.
        {"name": f"team-{number}", "pipelines": False, "gpuQuota": {f"pool-{number}": 2}}
        for number in range(size)
    ]
    return made


def growth(figures: list[Figure]) -> float:
    """Return the cost per resource of the largest plan, relative to that of the smallest."""
    first, last = figures[0], figures[-1]
    return (last.cpu_seconds / last.resources) / (first.cpu_seconds / first.resources)


def measure(size: int, folder: Path) -> Figure:
    """Plan a stack of one size in an empty account."""
    with simulated(_STACK, folder) as simulation:
        simulation.engine.prepare()
        simulation.engine.choose(grown(simulation.engine.choices(), size))
        started, spent = time.monotonic(), _cpu_seconds()
        run = simulation.run_successfully("preview")
        seconds, cpu = time.monotonic() - started, _cpu_seconds() - spent
    return Figure(
        size=size,
        resources=sum(run.summary.changes.values()),
        seconds=round(seconds, 1),
        cpu_seconds=round(cpu, 1),
        memory_mib=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    )


def _cpu_seconds() -> float:
    """Return the CPU time of this process, which is the provider, and of its ended children."""
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def main() -> int:
    """Measure every size; return 1 if planning grows faster than the stack."""
    figures: list[Figure] = []
    print(HEAD)
    with tempfile.TemporaryDirectory(prefix="bench-plan-") as folder:
        for size in SIZES:
            # All sizes share an engine: otherwise its warm-up would count for the smallest.
            figures.append(measure(size, Path(folder)))
            print(figures[-1].line(), flush=True)
    ratio = growth(figures)
    report = {"simulated": True, "figures": [asdict(each) for each in figures], "growth": round(ratio, 2)}
    path = cache_root() / "reports" / "bench-plan.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1))
    verdict = "grows no faster than the stack" if ratio <= LIMIT else "grows faster than the stack"
    print(f"planning {verdict}: per resource {ratio:.2f} x from {SIZES[0]} to {SIZES[-1]}, at most {LIMIT}")
    return 0 if ratio <= LIMIT else 1
