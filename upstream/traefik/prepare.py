"""Makes Traefik smaller, and a login in front of it quicker. Run as `python prepare.py BUILD_DIR`.

Clients of DNS services and of Amazon ECS are 60 of the 145 MB of source that it compiles, and no gateway of
plinth uses them: packages of our own in their place say what is not there. Its forwardAuth middleware makes
an HTTP request about every request; the package `gate` answers it within the process.
"""

import shutil
import sys
from pathlib import Path

from upstream.copies import copied, extended

_DNS, _ECS, _FORWARD = "providers/dns", "pkg/provider/ecs", "pkg/middlewares/auth/forward.go"


def main(build: Path) -> None:
    """Copy the modules without what is not used, and with our packages."""
    lego = copied(build, "github.com/go-acme/lego/v4", without=(_DNS,))
    shutil.copytree(build / "dns", lego / _DNS)
    traefik = copied(build, "github.com/traefik/traefik/v3", without=(_ECS,))
    shutil.copytree(build / "ecs", traefik / _ECS)
    forward = traefik / _FORWARD
    extended(forward, after='\t"go.opentelemetry.io/otel/trace"\n', add='\t"plinth/upstream/traefik/gate"\n')
    extended(
        forward,
        after="\t\tTimeout: 30 * time.Second,\n",
        add="\t\tTransport: gate.Transport(config.Address),\n",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
