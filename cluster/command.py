"""Runs short-lived programs; a failure becomes one readable line."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from cluster.errors import ClusterError


def run(
    argv: Sequence[str | Path],
    *,
    stdin: str | None = None,
    timeout_seconds: float = 60,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Return what the program printed.

    Raises:
        ClusterError: the program is missing, failed, or did not end in time.
    """
    name = Path(argv[0]).name
    try:
        done = subprocess.run(
            [str(part) for part in argv],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            env=None if environment is None else dict(environment),
            check=False,
        )
    except FileNotFoundError as error:
        raise ClusterError(f"{name} is not installed: run `python -m cluster prerequisites`") from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(
            f"{name} {' '.join(str(part) for part in argv[1:4])}: no end after {timeout_seconds:.0f} s"
        ) from error
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).strip().splitlines() if line.strip()]
        reason = lines[-1].strip() if lines else "it printed nothing"
        raise ClusterError(
            f"{name} {' '.join(str(part) for part in argv[1:4])}: exit {done.returncode}: {reason}"
        )
    return done.stdout
