"""Makes Traefik smaller and quicker. Run as `python prepare.py BUILD_DIR`.

- Clients of DNS services and of Amazon ECS are 60 of the 145 MB of source that it compiles, and no gateway of
  plinth uses them: packages of our own in their place say what is not there.
- Its forwardAuth middleware makes an HTTP request about every request; `gate` answers it within the process.
- Its access log makes a write for every request; `batches` joins them.
- It sends small requests in two pieces; `bodies` in one.
"""

import shutil
import sys
from pathlib import Path

from upstream.copies import copied, extended, replaced

_DNS, _ECS = "providers/dns", "pkg/provider/ecs"
_FORWARD, _ACCESS_LOG = "pkg/middlewares/auth/forward.go", "pkg/middlewares/accesslog/logger.go"
_PROXY = "pkg/proxy/httputil/builder.go"
_IMPORT = '\t"plinth/upstream/traefik/{}"\n'


def main(build: Path) -> None:
    """Copy the modules without what is not used, and with our packages."""
    lego = copied(build, "github.com/go-acme/lego/v4", without=(_DNS,))
    shutil.copytree(build / "dns", lego / _DNS)
    traefik = copied(build, "github.com/traefik/traefik/v3", without=(_ECS,))
    shutil.copytree(build / "ecs", traefik / _ECS)
    forward, access_log, proxy = traefik / _FORWARD, traefik / _ACCESS_LOG, traefik / _PROXY
    extended(forward, after='\t"go.opentelemetry.io/otel/trace"\n', add=_IMPORT.format("gate"))
    extended(
        forward,
        after="\t\tTimeout: 30 * time.Second,\n",
        add="\t\tTransport: gate.Transport(config.Address),\n",
    )
    extended(access_log, after='\t"github.com/traefik/traefik/v3/pkg/types"\n', add=_IMPORT.format("batches"))
    replaced(access_log, "noopCloser{os.Stdout}", by="batches.New(os.Stdout)")
    metrics = '\t"github.com/traefik/traefik/v3/pkg/observability/metrics"\n'
    extended(proxy, after=metrics, add=_IMPORT.format("bodies"))
    observed = "newObservabilityRoundTripper(r.semConvMetricsRegistry, roundTripper)"
    replaced(proxy, observed, by=f"bodies.Whole({observed})")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
