"""Completes a copy of the Argo Workflows module in the build folder. Run as `python prepare.py BUILD_DIR`.

Upstream's signal_linux.go is a symlink to signal_darwin.go; module zips drop symlinks.
"""

import json
import subprocess
import sys
from pathlib import Path

_MODULE = "github.com/argoproj/argo-workflows/v3"
_SIGNALS = Path("workflow/executor/osspecific")


def _go(*arguments: str, cwd: Path) -> str:
    return subprocess.run(["go", *arguments], cwd=cwd, stdout=subprocess.PIPE, text=True, check=True).stdout


def main(build: Path) -> None:
    """Copy the module, add the missing file, and make the build folder's go.mod use the copy."""
    source = Path(json.loads(_go("mod", "download", "-json", _MODULE, cwd=build))["Dir"])
    copy = build / "argo-workflows"
    for path in [source / "go.mod", *source.rglob("*.go")]:
        target = copy / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        # Contents only: the module cache is read-only, and the build folder must stay deletable.
        target.write_bytes(path.read_bytes())
    linux = copy / _SIGNALS / "signal_linux.go"
    if linux.exists():
        raise SystemExit(f"{_MODULE} now ships {linux.name}: delete upstream/argo-workflows/prepare.py")
    linux.write_bytes((copy / _SIGNALS / "signal_darwin.go").read_bytes())
    _go("mod", "edit", f"-replace={_MODULE}=./argo-workflows", cwd=build)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
