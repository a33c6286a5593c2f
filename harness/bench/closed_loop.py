"""Bounded closed-loop load from inside an instance's network namespace, with Debian's `hey`."""

import csv
import io
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import processes

# `hey` stops after a number of requests; this ends it if a server hangs.
_LONGEST_SECONDS = 60


class LoadError(Exception):
    """A load run failed, or got a status other than 200."""


@dataclass(frozen=True, kw_only=True)
class LoadTarget:
    """Target of requests: an address inside the instance's own network namespace."""

    url: str
    headers: Mapping[str, str]
    """Headers of each request: Host, by which the gateway routes, and a token where there is a login."""
    body: Path | None = None
    """File that is posted; without one the URL is read."""


@dataclass(frozen=True, kw_only=True)
class LoadFigures:
    """Figures of one run."""

    requests: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float


def percentile(ordered: list[float], share: float) -> float:
    """Return the nearest-rank percentile of an ordered list."""
    return ordered[max(0, min(len(ordered) - 1, round(share * len(ordered)) - 1))]


def parse_figures(text: str) -> LoadFigures:
    """Parse the CSV of `hey`: one row per request, in seconds.

    Raises:
        LoadError: a status was not 200, or there was no answer.
    """
    rows = list(csv.DictReader(io.StringIO(text)))
    if not rows:
        raise LoadError("the load generator got no answer at all: is the target reachable?")
    wrong = sorted({row["status-code"] for row in rows} - {"200"})
    if wrong:
        raise LoadError(f"the target answered {', '.join(wrong)}; every answer must be 200")
    times = sorted(float(row["response-time"]) * 1000 for row in rows)
    spent = max(float(row["offset"]) + float(row["response-time"]) for row in rows)
    return LoadFigures(
        requests=len(rows),
        requests_per_second=len(rows) / spent,
        p50_ms=percentile(times, 0.50),
        p99_ms=percentile(times, 0.99),
    )


def run(
    target: LoadTarget, *, network_of: int, requests: int, connections: int, cpu: int | None = None
) -> LoadFigures:
    """Send requests from the network namespace of a process, pinned to one CPU or on any.

    Raises:
        LoadError: `hey` is missing, a request failed, or the run took more than a minute.
    """
    if shutil.which("hey") is None:
        raise LoadError("`hey` is not installed: `apt-get install hey`")
    load = [
        *(("taskset", "--cpu-list", str(cpu)) if cpu is not None else ()),
        *("hey", "-n", str(requests), "-c", str(connections), "-t", "10", "-o", "csv"),
        *(("-m", "POST", "-T", "application/json", "-D", str(target.body)) if target.body else ()),
        *("-host", target.headers["Host"]),
        *(
            part
            for name, value in target.headers.items()
            if name != "Host"
            for part in ("-H", f"{name}: {value}")
        ),
        target.url,
    ]
    command = processes.in_network_of(network_of, load)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LONGEST_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"{target.url} did not answer {requests} requests in {_LONGEST_SECONDS} s") from error
    if done.returncode != 0:
        raise LoadError(f"hey against {target.url}: {done.stderr.strip()[-300:]}")
    return parse_figures(done.stdout)
