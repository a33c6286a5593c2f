"""`python -m simulation.gpus`: run the harness on the simulated GPU tier, in namespaces of the tier's own.

Whatever ends this process, the kernel ends everything in its process namespace with it.
"""

import os
import sys

from simulation.gpus.tier import ADDRESS

_NAMESPACES = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")


def main() -> None:
    """Become the harness, in new mount, network and process namespaces."""
    network = f"ip link set lo up && ip address add {ADDRESS}/32 dev lo"
    harness = [sys.executable, "-m", "harness", "verify", "--only", "gpus", "--keep-going", *sys.argv[1:]]
    script = f'{network} && exec "$@"'
    # Replaced, not started: whoever ends `make` ends the namespaces too.
    os.execvp(_NAMESPACES[0], [*_NAMESPACES, "sh", "-c", script, "sh", *harness])  # noqa: S606 (no shell of the user sees it)


if __name__ == "__main__":
    main()
