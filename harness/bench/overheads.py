"""What recording, the gate, and a workspace of MLflow add to a request."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from cluster.instance import Instance
from cluster.wait import wait_for
from components.tracking.workspace_proxy import HEADER
from harness import memory, processes
from harness.bench import additions, peers
from harness.bench.additions import Added, Side
from harness.bench.closed_loop import LoadError, LoadTarget
from harness.bench.serving import CLIENT_CPU, SERVER_CPU, Served
from workloads import gateway_access
from workloads.contract import DEFAULT_WORKSPACE
from workloads.endpoints import Endpoints

_PLAIN_PORT, _RECORDED_PORT, _PULLED_PORT = 18100, 18101, 18102
# Prints the status of a probe, through an entry point.
_STATUS = """
import http.client, sys
client = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
client.request("GET", "/v2/health/live")
print(client.getresponse().status)
"""
_ROUTES_SECONDS = 20
_TRACKING_PORT = 5000
_TRACKING_REQUESTS = 300
_PLAIN_ENTRY, _GUARDED_ENTRY = 18110, 18111
# Reads all that is kept, and confirms it, as the delivery controller does.
_PULL = """
import sys, urllib.request
after = ""
while True:
    url = f"http://127.0.0.1:{sys.argv[1]}/payloads?after={after}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        after = answer.headers["x-payloads-next"]
        if not answer.read():
            break
"""


def measure(instance: Instance, endpoints: Endpoints, served: Served, run_id: str) -> Iterator[Added]:
    """Measure all three, one after the other.

    Args:
        instance: The instance.
        endpoints: Its platform.
        served: A served model.
        run_id: A run of MLflow.

    Raises:
        LoadError: a server does not start, a request fails, or the stack neither records nor has a gate.
    """
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder) / "v1"
        body.write_text(json.dumps({"instances": [served.row]}))
        yield _recording(served, body)
        yield _gate(served, body)
        yield _tracking(instance, endpoints, served, run_id)


def _named(instance: Instance, program: str) -> list[int]:
    """Return the processes of an instance that run a program.

    Raises:
        LoadError: there are none.
    """
    found = processes.running(memory.find_members(instance), program)
    if not found:
        raise LoadError(f"no process of {program}; is it a part of the stack?")
    return found


def _prediction(served: Served, port: int, headers: Mapping[str, str], body: Path) -> LoadTarget:
    url = f"http://127.0.0.1:{port}/v1/models/{served.name}:predict"
    return LoadTarget(url=url, headers=headers, body=body)


def _predictor(served: Served, port: int, records: list[str]) -> list[str]:
    """Return the command of the predictor with another port, and with these arguments of recording alone."""
    own = processes.command_line(served.predictor)
    others = ("--record_", "--http_port", "--enable_grpc")
    kept = [each for each in own if not each.startswith(others)]
    return [*kept, f"--http_port={port}", "--enable_grpc=false", *records]


def _recording(served: Served, body: Path) -> Added:
    """Compare the predictor with one that records nothing; what is recorded is also read, as it is live."""
    records = [each for each in processes.command_line(served.predictor) if each.startswith("--record_")]
    if not records:
        raise LoadError("the predictor records nothing: `plinth:payloads` and `plinth:drift` switch it on")
    records.append(f"--record_port={_PULLED_PORT}")
    pull = processes.in_network_of(served.predictor, [sys.executable, "-c", _PULL, str(_PULLED_PORT)])

    def side(pid: int, port: int, **options: Any) -> Side:
        target = _prediction(served, port, {"Host": "peer"}, body)
        return Side(target=target, network_of=served.predictor, servers=(pid,), **options)

    plain = _predictor(served, _PLAIN_PORT, [])
    recorded = _predictor(served, _RECORDED_PORT, records)
    with (
        peers.running(served.predictor, plain, _PLAIN_PORT) as without,
        peers.running(served.predictor, recorded, _RECORDED_PORT) as having,
    ):
        return additions.measure(
            "recording",
            side(without, _PLAIN_PORT),
            side(having, _RECORDED_PORT, after=lambda: subprocess.run(pull, check=True)),
            client_cpu=CLIENT_CPU,
            pins={without: SERVER_CPU, having: SERVER_CPU},
        )


def _gate(served: Served, body: Path) -> Added:
    """Compare two entry points of one more Traefik, of which one asks a gate as the platform's does."""
    command = [
        processes.command_line(served.gateway)[0],
        f"--entrypoints.plain.address=127.0.0.1:{_PLAIN_ENTRY}",
        f"--entrypoints.guarded.address=127.0.0.1:{_GUARDED_ENTRY}",
        "--providers.providersthrottleduration=100ms",
    ]

    def side(pid: int, port: int) -> Side:
        target = _prediction(served, port, served.headers, body)
        return Side(target=target, network_of=served.gateway, servers=(pid,))

    with (
        _configured(served) as file,
        peers.running(
            served.gateway, [*command, f"--providers.file.filename={file}"], _GUARDED_ENTRY
        ) as traefik,
    ):
        # It listens before it has read its file.
        wait_for("the routes of one more Traefik", lambda: _unrouted(served), timeout_seconds=_ROUTES_SECONDS)
        return additions.measure(
            "the gate",
            side(traefik, _PLAIN_ENTRY),
            side(traefik, _GUARDED_ENTRY),
            client_cpu=CLIENT_CPU,
            pins={served.predictor: SERVER_CPU, traefik: CLIENT_CPU},
        )


def _unrouted(served: Served) -> str | None:
    probe = processes.in_network_of(served.gateway, [sys.executable, "-c", _STATUS, str(_PLAIN_ENTRY)])
    done = subprocess.run(probe, capture_output=True, text=True, check=True)
    return "no route yet" if done.stdout.strip() == "404" else None


def _tracking(instance: Instance, endpoints: Endpoints, served: Served, run_id: str) -> Added:
    """Compare reading a run from MLflow's own port with reading it as users do: gateway, gate and proxy."""
    # Its first process starts others, which answer.
    servers = [each for pid in _named(instance, "mlflow") for each in processes.descendants(pid)]
    path = f"/api/2.0/mlflow/runs/get?run_id={run_id}"
    in_front = [served.gateway, *_named(instance, "haproxy")]
    host = endpoints.tracking_host
    # Nobody but the proxies reaches that port from outside of the pod; they name the workspace.
    direct = {"Host": host, HEADER: DEFAULT_WORKSPACE}
    through = gateway_access.headers(endpoints, host)
    return additions.measure(
        "gate and proxy of MLflow",
        Side(
            target=LoadTarget(url=f"http://127.0.0.1:{_TRACKING_PORT}{path}", headers=direct),
            network_of=servers[0],
            servers=tuple(servers),
        ),
        Side(
            target=LoadTarget(url=f"http://127.0.0.1:8000{path}", headers=through),
            network_of=served.gateway,
            servers=(*servers, *in_front),
        ),
        requests=_TRACKING_REQUESTS,
    )


def routers(dynamic: dict[str, Any], server: str) -> dict[str, Any]:
    """Return the file of a Traefik that routes every request of two entry points to one server.

    Args:
        dynamic: The platform's file: its middlewares are those of the entry point `guarded`; `plain` has all
            but the gate.
        server: URL of the server.
    """
    middlewares: dict[str, Any] = dynamic["http"]["middlewares"]
    plain = [name for name in middlewares if name != "gate"]

    def router(entry: str, names: list[str]) -> dict[str, Any]:
        return {"entryPoints": [entry], "rule": "PathPrefix(`/`)", "service": "model", "middlewares": names}

    return {
        "http": {
            "middlewares": middlewares,
            "routers": {"plain": router("plain", plain), "guarded": router("guarded", ["gate", *plain])},
            "services": {"model": {"loadBalancer": {"servers": [{"url": server}]}}},
        }
    }


def _dynamic(served: Served) -> dict[str, Any]:
    """Return the file that the gateway follows: its middlewares.

    Raises:
        LoadError: no gate is among them.
    """
    flag = "--providers.file.filename="
    command = processes.command_line(served.gateway)
    own = next((each.removeprefix(flag) for each in command if each.startswith(flag)), "")
    text = (processes.root_of(served.gateway) / own.lstrip("/")).read_text() if own else "{}"
    found: dict[str, Any] = yaml.safe_load(text)
    if "gate" not in found.get("http", {}).get("middlewares", {}):
        raise LoadError("the gateway asks no gate: `plinth:identity` switches it on")
    return found


@contextmanager
def _configured(served: Served) -> Generator[str]:
    """Write the file of that Traefik into the gateway's container, and delete it at the end."""
    dynamic = _dynamic(served)
    addresses = processes.in_network_of(served.predictor, ["hostname", "--all-ip-addresses"])
    found = subprocess.run(addresses, capture_output=True, text=True, check=True).stdout.split()
    # The container's own files are read-only; its shared memory ends with it.
    file = "/dev/shm/bench.yaml"  # noqa: S108 - in the container
    inside = processes.root_of(served.gateway) / file.lstrip("/")
    inside.write_text(yaml.safe_dump(routers(dynamic, f"http://{found[0]}:8080")))
    try:
        yield file
    finally:
        inside.unlink()
