"""`python -m tests.gpu_sim`: prove the simulated GPU tier in namespaces of its own; table, JUnit and JSON.

Whatever ends this process, the kernel ends everything in its process namespace with it.
"""

import os
import sys

import pytest

from tests.gpu_sim.tier import ADDRESS
from tests.harness.verification import Verification
from upstream.cache import cache_root

_INSIDE = "PLINTH_GPU_SIM"
_NAMESPACES = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")


def _enter() -> None:
    network = f"ip link set lo up && ip address add {ADDRESS}/32 dev lo"
    again = [sys.executable, "-m", "tests.gpu_sim", *sys.argv[1:]]
    script = f'{network} && exec "$@"'
    os.environ[_INSIDE] = "1"
    # Replaced, not started: whoever ends `make` ends the namespaces too.
    os.execvp(_NAMESPACES[0], [*_NAMESPACES, "sh", "-c", script, "sh", *again])  # noqa: S606 (no shell of the user sees it)


def main() -> int:
    """Run the tests of the tier; return pytest's exit code."""
    if os.environ.get(_INSIDE) is None:
        _enter()
    reports = cache_root() / "reports"
    reports.mkdir(parents=True, exist_ok=True)
    arguments = ["-q", "-m", "gpu_sim", f"--junitxml={reports / 'gpu-sim.xml'}", "tests/gpu_sim"]
    return int(pytest.main([*arguments, *sys.argv[1:]], plugins=[Verification(reports / "gpu-sim.json")]))


if __name__ == "__main__":
    sys.exit(main())
