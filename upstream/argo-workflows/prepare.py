"""Completes a copy of the Argo Workflows module in the build folder. Run as `python prepare.py BUILD_DIR`.

Upstream's signal_linux.go is a symlink to signal_darwin.go; module zips drop symlinks.
"""

import sys
from pathlib import Path

from upstream.copies import copied

_MODULE = "github.com/argoproj/argo-workflows/v3"


def main(build: Path) -> None:
    """Add the missing file."""
    signals = copied(build, _MODULE) / "workflow/executor/osspecific"
    linux = signals / "signal_linux.go"
    if linux.exists():
        raise SystemExit(f"{_MODULE} now ships {linux.name}: delete upstream/argo-workflows/prepare.py")
    linux.write_bytes((signals / "signal_darwin.go").read_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
