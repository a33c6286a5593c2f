"""Leaves out of Traefik clients of DNS services and of Amazon ECS. Run as `python prepare.py BUILD_DIR`.

They are 60 of the 145 MB of source that it compiles, and no gateway of plinth uses them.
"""

import shutil
import sys
from pathlib import Path

from upstream.copies import copied


def main(build: Path) -> None:
    """Copy the modules that bring them; packages of our own in their place say what is not there."""
    for module, package, ours in (
        ("github.com/go-acme/lego/v4", "providers/dns", "dns"),
        ("github.com/traefik/traefik/v3", "pkg/provider/ecs", "ecs"),
    ):
        shutil.copytree(build / ours, copied(build, module, without=(package,)) / package)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
