"""Traefik's configuration: its command, and the file of what hangs on its entry points."""

from typing import Any, Final

import yaml

from components.access import middlewares
from components.shapes import server_certificate

ENTRY_PORT: Final = 8000
"""Requests in clear: of everybody where the gateway serves no TLS, else of the cluster's pods."""
TLS_ENTRY_PORT: Final = 8443
"""Requests over TLS."""
METRICS_PORT: Final = 9000
FOLDER: Final = "/etc/traefik/dynamic"
"""Folder of `FILE`."""
FILE: Final = "dynamic.yaml"
CERTIFICATE_FOLDER: Final = "/etc/traefik/certificate"
"""Folder of the certificate and its key, under the names of the Secret's keys."""
_ENTRY: Final = "web"
_TLS_ENTRY: Final = "websecure"
# The defaults, 0.1 s and above, are useless for models that answer in milliseconds.
_BUCKETS: Final = "0.001,0.0025,0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5"
# Of a request: when, by whom, to where, how it ended. No header is logged: headers hold tokens and cookies.
_LOGGED: Final = (
    "StartUTC",
    "ClientHost",
    "RequestHost",
    "RequestMethod",
    "RequestPath",
    "DownstreamStatus",
    "Duration",
)


def _access_log() -> list[str]:
    """Return the arguments that log every request of users, one JSON object per line."""
    return [
        "--accesslog=true",
        "--accesslog.format=json",
        "--accesslog.bufferingsize=64",
        "--accesslog.fields.defaultmode=drop",
        *(f"--accesslog.fields.names.{field}=keep" for field in _LOGGED),
        "--accesslog.fields.headers.defaultmode=drop",
    ]


def entries(*, guarded: bool = False, secure: bool = False) -> list[str]:
    """Return the arguments of the entry points of users; what hangs on these holds for every route.

    Args:
        guarded: whether the gate is asked about every request.
        secure: whether there is an entry point that serves nothing but TLS.
    """
    ports = {_ENTRY: ENTRY_PORT, **({_TLS_ENTRY: TLS_ENTRY_PORT} if secure else {})}
    hung = ",".join(middlewares.names(guarded=guarded))
    return [
        *(f"--entrypoints.{name}.address=:{port}" for name, port in ports.items()),
        *([f"--entrypoints.{_TLS_ENTRY}.http.tls=true"] if secure else []),
        *(f"--entrypoints.{name}.http.middlewares={hung}" for name in ports),
    ]


def arguments(*, guarded: bool = False, secure: bool = False) -> list[str]:
    """Return Traefik's command: entry points for users, one for probes and metrics, no telemetry."""
    return [
        "traefik",
        *entries(guarded=guarded, secure=secure),
        f"--entrypoints.traefik.address=:{METRICS_PORT}",
        "--ping=true",
        "--providers.kubernetesgateway=true",
        f"--providers.file.filename={FOLDER}/{FILE}",
        # A route is accepted before it is in force. Whoever waited for that and called a new model got 404,
        # for up to two seconds: Traefik's default.
        "--providers.providersthrottleduration=100ms",
        "--metrics.prometheus=true",
        "--metrics.prometheus.entrypoint=traefik",
        "--metrics.prometheus.addserviceslabels=true",
        f"--metrics.prometheus.buckets={_BUCKETS}",
        *_access_log(),
        *(["--accesslog.fields.names.ClientUsername=keep"] if guarded else []),
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
    ]


def dynamic(gate: str | None, in_flight: int, certificate_folder: str | None = None) -> str:
    """Return Traefik's file: what is in front of every route, and the certificate for every client.

    The listener of the Gateway names the certificate too, but serves it to clients that ask for one of its
    names alone; whoever connects to an address asks for none.

    Args:
        gate: address at which Traefik asks about every request; without one it lets all of them pass.
        in_flight: requests that one user may have in flight at one path of a route.
        certificate_folder: folder of the certificate, if it serves one.
    """
    content: dict[str, Any] = {"http": {"middlewares": middlewares.content(gate, in_flight)}}
    if certificate_folder is not None:
        files = {
            "certFile": f"{certificate_folder}/{server_certificate.CHAIN}",
            "keyFile": f"{certificate_folder}/{server_certificate.KEY}",
        }
        content["tls"] = {"stores": {"default": {"defaultCertificate": files}}}
    return yaml.safe_dump(content)
