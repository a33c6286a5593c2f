"""Objects that fault injection creates, as dicts."""

from typing import Any

_RESTRICTED: dict[str, Any] = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
_SERVER = """
import http.server, sys
code, port, body = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode()
class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(code)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, *arguments): pass
http.server.ThreadingHTTPServer(("", port), Server).serve_forever()
"""


def server_pod(
    name: str, labels: dict[str, str], image: str, *, code: int, port: int, body: str = ""
) -> dict[str, Any]:
    """Return a pod that answers every request with one status and body."""
    container: dict[str, Any] = {
        "name": "server",
        "image": image,
        "command": ["python3", "-c", _SERVER, str(code), str(port), body],
        "ports": [{"containerPort": port}],
        "securityContext": _RESTRICTED,
    }
    spec = {"containers": [container], "automountServiceAccountToken": False}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}


def gpu_pod(name: str, image: str) -> dict[str, Any]:
    """Return a pod that requests one GPU."""
    container = {"name": name, "image": image, "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    return {"metadata": {"name": name}, "spec": {"containers": [container]}}


def route(name: str, host: str) -> dict[str, Any]:
    """Return a route from the gateway's host to the Service of the same name."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name},
        "spec": {
            "parentRefs": [{"name": "traefik", "namespace": "gateway"}],
            "hostnames": [host],
            "rules": [{"backendRefs": [{"name": name, "port": 80}]}],
        },
    }


def scrape_policy(name: str, selector: dict[str, str]) -> dict[str, Any]:
    """Return a network policy that lets Prometheus alone reach the selected pods."""
    prometheus = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}}
    return {
        "metadata": {"name": name},
        "spec": {
            "podSelector": {"matchLabels": selector},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [prometheus]}],
        },
    }


def filesystem_metrics(mountpoint: str, *, size: int, available: int) -> str:
    """Return the metrics of node-exporter for one file system."""
    return "".join(
        f'node_filesystem_{kind}_bytes{{mountpoint="{mountpoint}"}} {value}\n'
        for kind, value in (("size", size), ("avail", available))
    )
