"""The Python environment of the serving runtimes: the images' locked packages, in a folder of the cache."""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from images import python_packages
from upstream.cache import cache_root, locked
from workloads.errors import WorkloadsError

IMAGE: Final = Path(__file__).parents[2] / "images" / "serving-runtime"
FAMILIES: Final = ("boosting",)
"""Families besides scikit-learn's whose packages it holds as well: those of the reference pipeline."""
_LOCKS: Final = (
    IMAGE / "requirements.txt",
    *(IMAGE.with_name(f"{IMAGE.name}-{family}") / "requirements.txt" for family in FAMILIES),
)


def folder() -> Path:
    """Return the environment's folder; its name follows from the locks, so other locks have another one."""
    key = hashlib.sha256(b"".join(lock.read_bytes() for lock in _LOCKS)).hexdigest()[:16]
    return cache_root() / "environments" / f"{IMAGE.name}-{key}"


def python() -> Path:
    """Return the interpreter of the environment, which is made if it is not there.

    Raises:
        WorkloadsError: uv could not install the packages.
    """
    made = folder()
    found = made / "bin" / "python"
    with locked(made.with_name(f".{made.name}.lock")):
        # A link to the interpreter that it was made with, which may be gone.
        if not found.exists():
            draft = made.with_name(f".{made.name}.draft")
            _uv("venv", "--quiet", "--clear", "--relocatable", "--python", sys.executable, str(draft))
            _uv(
                "pip",
                "sync",
                "--quiet",
                "--require-hashes",
                "--python",
                str(draft / "bin/python"),
                *map(str, _LOCKS),
            )
            shutil.rmtree(made, ignore_errors=True)
            draft.rename(made)
    return found


def variables() -> Mapping[str, str]:
    """Return the environment variables that the image sets."""
    pairs = re.findall(r"^ENV (.+)$", (IMAGE / "Dockerfile").read_text(), re.MULTILINE)
    return dict(pair.split("=", 1) for line in pairs for pair in line.split())


def _uv(*arguments: str) -> None:
    command = [str(python_packages.uv()), *arguments]
    done = subprocess.run(
        command, env=python_packages.environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = " ".join(done.stderr.split())[-300:] or f"exit {done.returncode}"
        raise WorkloadsError(
            f"serving runtime: uv cannot install its packages ({reason}); is the package index reachable?"
        )
