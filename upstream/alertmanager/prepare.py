"""Completes a copy of the Alertmanager module in the build folder. Run as `python prepare.py BUILD_DIR`.

Its main embeds the web interface, which is built by Node.js and not in the module: the API stays complete
without it, so an empty page stands in.
"""

import sys
from pathlib import Path

from upstream.copies import copied

_MODULE = "github.com/prometheus/alertmanager"
_PAGE = "<!doctype html><title>Alertmanager</title><p>No web interface: use the API below /api/v2.</p>\n"


def main(build: Path) -> None:
    """Add a page."""
    page = copied(build, _MODULE) / "ui/app/dist/index.html"
    if page.exists():
        raise SystemExit(f"{_MODULE} now ships its interface: delete upstream/alertmanager/prepare.py")
    page.parent.mkdir(parents=True)
    page.write_text(_PAGE)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
