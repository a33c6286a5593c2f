"""Completes a copy of the Kubernetes module in the build folder. Run as `python prepare.py BUILD_DIR`.

The kubelet lists the node's containers once a second to see which have started or ended, and starts the next
container of a pod only after such a list. A pod of a pipeline's step has four of them, one after the other,
and upstream has no setting for the period. On our one node a list takes 3 ms.
"""

import sys
from pathlib import Path

from upstream.copies import copied, replaced


def main(build: Path) -> None:
    """Make the kubelet look at its containers five times a second."""
    module = copied(build, "k8s.io/kubernetes", without=("test", "vendor"))
    replaced(
        module / "pkg/kubelet/kubelet.go",
        "genericPlegRelistPeriod    = time.Second * 1\n",
        by="genericPlegRelistPeriod    = time.Millisecond * 200\n",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
