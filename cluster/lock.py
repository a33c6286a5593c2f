"""Lets one command at a time work on an instance; a second one fails and names the first.

The kernel's file lock decides, so a dead holder never blocks. The file's text only explains.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from types import FrameType
from typing import TextIO

from cluster.errors import ClusterError
from cluster.instance import Instance

# Holds the token of the lock that a parent process took: its children work under the same lock.
TOKEN_VARIABLE = "PLINTH_CLUSTER_HOLD"  # noqa: S105 (a variable's name, not a secret)
_SET_PARENT_DEATH_SIGNAL = 1


def holder(instance: Instance) -> dict[str, str]:
    """Return the record of the lock's last holder; empty after it has ended normally."""
    try:
        table: dict[str, str] = json.loads(instance.lock.read_text())
    except (OSError, ValueError):
        return {}
    return table


def is_inherited(instance: Instance) -> bool:
    """Return whether a parent of this process holds the instance's lock."""
    token = os.environ.get(TOKEN_VARIABLE)
    return bool(token) and holder(instance).get("token") == token


@contextlib.contextmanager
def held(instance: Instance, command: str) -> Generator[TextIO]:
    """Hold the instance's lock; the lock's file contains the token.

    Raises:
        ClusterError: another process holds it; the text names its pid, its command and since when.
    """
    instance.lock.parent.mkdir(parents=True, exist_ok=True)
    with instance.lock.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            other = holder(instance)
            raise ClusterError(
                f"cluster {instance.name!r} is in use by `{other.get('command', 'another command')}` "
                f"(pid {other.get('pid', 'unknown')}, since {other.get('since', 'just now')}): "
                "wait for it or end it, then try again"
            ) from error
        handle.seek(0)
        handle.truncate()
        entry = {
            "pid": str(os.getpid()),
            "command": command,
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
            "token": secrets.token_hex(16),
        }
        handle.write(json.dumps(entry))
        handle.flush()
        try:
            yield handle
        finally:
            handle.seek(0)
            handle.truncate()


@contextlib.contextmanager
def held_or_inherited(instance: Instance, command: str) -> Generator[None]:
    """Hold the lock, unless a parent process does."""
    if is_inherited(instance):
        yield
    else:
        with held(instance, command):
            yield


def _end_with_parent() -> None:
    """Have the kernel send SIGTERM when the parent dies: a killed `make` leaves no process behind."""
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, int(signal.SIGTERM))


def run_held(instance: Instance, label: str, argv: Sequence[str]) -> int:
    """Run a command under the instance's lock and return its exit code.

    The command's own children inherit the lock: by the token, and by the open file, which keeps the
    lock until the last of them has ended even if this process is killed.
    """
    if is_inherited(instance):
        return subprocess.run(list(argv), check=False).returncode
    _end_with_parent()
    with held(instance, label) as handle:
        environment = {**os.environ, TOKEN_VARIABLE: holder(instance)["token"]}
        child = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *argv], env=environment, pass_fds=[handle.fileno()]
        )

        def forward(number: int, _: FrameType | None) -> None:
            child.send_signal(number)

        # A terminal sends SIGINT to the child as well, so ignore it here.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, forward)
        code = child.wait()
        sys.stdout.flush()
        return 128 - code if code < 0 else code
