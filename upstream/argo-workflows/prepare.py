"""Completes a copy of the Argo Workflows module in the build folder. Run as `python prepare.py BUILD_DIR`.

Upstream's signal_linux.go is a symlink to signal_darwin.go; module zips drop symlinks. The executor gets a
package of our own where it asks upstream's command line for its cluster: a quarter of what it compiles. The
controller gets a bound on how long it waits for a pod that cannot start, and retries with any factor. The
executor looks every 50 ms, not every second, whether a step's program or its containers have ended.
"""

import shutil
import sys
from pathlib import Path

from upstream.copies import copied, extended, replaced

_MODULE = "github.com/argoproj/argo-workflows/v3"
_CLIENT = "cmd/argo/commands/client"
_CONTROLLER = "workflow/controller"


def main(build: Path) -> None:
    """Add the missing file and our packages, and call them."""
    module = copied(build, _MODULE, without=(_CLIENT,))
    signals = module / "workflow/executor/osspecific"
    linux = signals / "signal_linux.go"
    if linux.exists():
        raise SystemExit(
            f"{_MODULE} now ships {linux.name}: delete this step of upstream/argo-workflows/prepare.py"
        )
    linux.write_bytes((signals / "signal_darwin.go").read_bytes())
    for waiting in (linux, module / "workflow/executor/emissary/emissary.go"):
        replaced(waiting, "time.Sleep(time.Second)\n", by="time.Sleep(50 * time.Millisecond)\n")
    shutil.copytree(build / "client", module / _CLIENT)
    shutil.copytree(build / "controller", module / _CONTROLLER, dirs_exist_ok=True)
    operator = module / _CONTROLLER / "operator.go"
    extended(
        operator,
        after="\t\t\twoc.failNodesWithoutCreatedPodsAfterDeadlineOrShutdown()\n",
        add="\t\t\twoc.failStepsUnableToStart()\n",
    )
    factor = "(retryStrategy.Backoff.Factor)\n"
    replaced(operator, f":= intstr.Int32{factor}", by=f":= backoffFactor{factor}")
    replaced(
        operator,
        "baseDuration * time.Duration(factor)\n",
        by="time.Duration(float64(baseDuration) * factor)\n",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
