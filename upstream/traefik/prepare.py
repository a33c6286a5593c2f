"""Makes Traefik smaller, and quicker behind a login. Run as `python prepare.py BUILD_DIR`.

Clients of DNS services and of Amazon ECS are 60 of the 145 MB of source that it compiles, and no gateway of
plinth uses them: packages of our own in their place say what is not there. Its forwardAuth middleware opens a
connection for most requests of concurrent callers; ours keeps them.
"""

import shutil
import sys
from pathlib import Path

from upstream.copies import copied, extended

_DNS, _ECS, _AUTH = "providers/dns", "pkg/provider/ecs", "pkg/middlewares/auth"


def main(build: Path) -> None:
    """Copy the modules without what is not used, and with our packages and connections."""
    lego = copied(build, "github.com/go-acme/lego/v4", without=(_DNS,))
    shutil.copytree(build / "dns", lego / _DNS)
    traefik = copied(build, "github.com/traefik/traefik/v3", without=(_ECS,))
    shutil.copytree(build / "ecs", traefik / _ECS)
    shutil.copytree(build / "auth", traefik / _AUTH, dirs_exist_ok=True)
    extended(
        traefik / _AUTH / "forward.go",
        after="\t\tTimeout: 30 * time.Second,\n",
        add="\t\tTransport: connections,\n",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
