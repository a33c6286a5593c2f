"""Completes a copy of the Alertmanager module in the build folder. Run as `python prepare.py BUILD_DIR`.

Its main embeds the web interface, which is built by Node.js and not in the module: the API stays complete
without it, so an empty page stands in.
"""

import json
import subprocess
import sys
from pathlib import Path

_MODULE = "github.com/prometheus/alertmanager"
_PAGE = "<!doctype html><title>Alertmanager</title><p>No web interface: use the API below /api/v2.</p>\n"


def _go(*arguments: str, cwd: Path) -> str:
    return subprocess.run(["go", *arguments], cwd=cwd, stdout=subprocess.PIPE, text=True, check=True).stdout


def main(build: Path) -> None:
    """Copy the module, add a page, and make the build folder's go.mod use the copy."""
    source = Path(json.loads(_go("mod", "download", "-json", _MODULE, cwd=build))["Dir"])
    copy = build / "alertmanager"
    for path in source.rglob("*"):
        if path.is_file() and "node_modules" not in path.parts:
            target = copy / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            # Contents only: the module cache is read-only, and the build folder must stay deletable.
            target.write_bytes(path.read_bytes())
    page = copy / "ui" / "app" / "dist" / "index.html"
    if page.exists():
        raise SystemExit(f"{_MODULE} now ships its interface: delete upstream/alertmanager/prepare.py")
    page.parent.mkdir(parents=True)
    page.write_text(_PAGE)
    _go("mod", "edit", f"-replace={_MODULE}=./alertmanager", cwd=build)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
