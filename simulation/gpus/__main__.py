"""`python -m simulation.gpus`: run the harness on the simulated GPU tier, in separate namespaces.

When this process ends, for whatever reason, the kernel ends everything in its process namespace.
"""

import os
import sys

from simulation.gpus.tier import ADDRESS, INSIDE

_NAMESPACES = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")


def main() -> None:
    """Replace this process by the harness in new mount, network and process namespaces."""
    network = f"ip link set lo up && ip address add {ADDRESS}/32 dev lo"
    harness = [sys.executable, "-m", "harness", "verify", "--only", "gpus", "--keep-going", *sys.argv[1:]]
    script = f'{network} && exec "$@"'
    os.environ[INSIDE] = "1"
    # Replaced, not started, so that a signal to `make` also ends the namespaces.
    os.execvp(_NAMESPACES[0], [*_NAMESPACES, "sh", "-c", script, "sh", *harness])  # noqa: S606 (the arguments pass no shell)


if __name__ == "__main__":
    main()
