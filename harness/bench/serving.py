"""Requests per second, latency and CPU of a served model, compared with a bare app and MLflow's own server.

All answer the same row with the same model in the same image. The peers run as extra processes inside the
predictor's container (its mounts and network), outside its resource limits. The client runs in the network
namespace of the server that it calls, so no forwarder of the machine is in the path.
"""

import json
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from cluster.instance import Instance
from harness import memory, processes
from harness.bench import closed_loop, peers
from harness.bench.closed_loop import LoadError, LoadFigures, LoadTarget

SERVER_CPU = 0
CLIENT_CPU = 1
_BARE_PORT = 18090
_SCORING_PORT = 18091
_SCORED = {"__pyfunc_model_path__": "/mnt/models"}
_MIXED_PORT = 18092
_MIXED_FOLDER = Path("/tmp/mixed")  # noqa: S108 - in the container, which ends with the bench
_RUNS = 3


@dataclass(frozen=True, kw_only=True)
class Served:
    """An InferenceService of a native instance, with the processes that serve it."""

    name: str
    headers: Mapping[str, str]
    """Headers of requests through the gateway."""
    row: list[float]
    predictor: int
    """Process id of the predictor."""
    gateway: int
    """Process id of the gateway."""


@dataclass(frozen=True, kw_only=True)
class ServingFigures:
    """Median of several runs against one target."""

    target: str
    connections: int
    load: LoadFigures
    server_cpu_ms: float
    gateway_cpu_ms: float


def find_served(
    instance: Instance, name: str, service: str, headers: Mapping[str, str], row: list[float]
) -> Served:
    """Find the processes that serve a version of a model on a running instance.

    Args:
        instance: The instance.
        name: The model.
        service: InferenceService of the version, with whose name the names of its pods begin.
        headers: Headers of requests through the gateway.
        row: What is predicted.

    Raises:
        LoadError: there are none.
        ClusterError: the instance is not running.
    """
    members = memory.find_members(instance)
    predictors = [
        pid
        for pid in members
        if f"--model_name={name}" in processes.command_line(pid)
        and processes.environment(pid).get("HOSTNAME", "").startswith(f"{service}-predictor-")
    ]
    gateways = processes.running(members, "traefik")
    if not predictors or not gateways:
        raise LoadError(f"no process of the predictor or of the gateway; is {service} running?")
    return Served(name=name, headers=headers, row=row, predictor=predictors[0], gateway=gateways[0])


def _median(runs: list[ServingFigures]) -> ServingFigures:
    return sorted(runs, key=lambda run: run.load.p50_ms)[len(runs) // 2]


def _measure(
    label: str,
    target: LoadTarget,
    served: Served,
    *,
    server: int,
    network_of: int,
    connections: int,
    requests: int,
    pinned: bool = True,
) -> ServingFigures:
    """Measure one target: pinned to CPUs to compare latencies, not pinned to find the highest rate."""
    runs: list[ServingFigures] = []
    with ExitStack() as pins:
        if pinned:
            pins.enter_context(processes.pinned(server, SERVER_CPU))
            pins.enter_context(processes.pinned(served.gateway, CLIENT_CPU))
        # The first run warms up connections and caches and is not counted.
        for number in range(_RUNS + 1):
            before = processes.cpu_seconds(server), processes.cpu_seconds(served.gateway)
            load = closed_loop.run(
                target,
                network_of=network_of,
                requests=requests,
                connections=connections,
                cpu=CLIENT_CPU if pinned else None,
            )
            after = processes.cpu_seconds(server), processes.cpu_seconds(served.gateway)
            spent = [(end - start) * 1000 / load.requests for start, end in zip(before, after, strict=True)]
            if number:
                runs.append(
                    ServingFigures(
                        target=label,
                        connections=connections,
                        load=load,
                        server_cpu_ms=spent[0],
                        gateway_cpu_ms=spent[1] if network_of == served.gateway else 0.0,
                    )
                )
    return _median(runs)


def measure_saturation(served: Served, *, requests: int = 3000, connections: int = 8) -> tuple[float, float]:
    """Return the highest requests per second through the gateway, and of the bare app: both by v1, one row.

    Nothing is pinned: a saturated platform may use all CPUs.
    """
    bare_source = Path(__file__).with_name("bare_server.py").read_text()
    bare = ["python3", "-c", bare_source, "/mnt/models", str(_BARE_PORT)]
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder) / "v1"
        body.write_text(json.dumps({"instances": [served.row]}))
        path = f"/v1/models/{served.name}:predict"
        target = LoadTarget(url=f"http://127.0.0.1:8000{path}", headers=served.headers, body=body)
        through = _measure(
            "gateway",
            target,
            served,
            server=served.predictor,
            network_of=served.gateway,
            connections=connections,
            requests=requests,
            pinned=False,
        )
        with peers.running(served.predictor, bare, _BARE_PORT) as pid:
            target = LoadTarget(
                url=f"http://127.0.0.1:{_BARE_PORT}/predict", headers={"Host": "bare"}, body=body
            )
            floor = _measure(
                "bare",
                target,
                served,
                server=pid,
                network_of=served.predictor,
                connections=connections,
                requests=requests,
                pinned=False,
            )
    return through.load.requests_per_second, floor.load.requests_per_second


def measure(served: Served, requests: int = 2000) -> list[ServingFigures]:
    """Measure all targets with one and with eight connections."""
    v1 = f"/v1/models/{served.name}:predict"
    v2 = f"/v2/models/{served.name}/infer"
    tensor = {"name": "rows", "shape": [1, len(served.row)], "datatype": "FP64", "data": served.row}
    bare_source = Path(__file__).with_name("bare_server.py").read_text()
    with tempfile.TemporaryDirectory() as folder:
        bodies = {
            "v1": {"instances": [served.row]},
            "v2": {"inputs": [tensor]},
            "mlflow": {"inputs": [served.row]},
        }
        paths = {name: Path(folder) / name for name in bodies}
        for name, body in bodies.items():
            paths[name].write_text(json.dumps(body))
        direct, gateway = "http://127.0.0.1:8080", "http://127.0.0.1:8000"
        targets = [
            ("plinth v1 direct", direct + v1, "v1", served.predictor),
            ("plinth v2 direct", direct + v2, "v2", served.predictor),
            ("plinth v1 gateway", gateway + v1, "v1", served.gateway),
            ("plinth v2 gateway", gateway + v2, "v2", served.gateway),
        ]
        figures: list[ServingFigures] = []
        bare = ["python3", "-c", bare_source, "/mnt/models", str(_BARE_PORT)]
        scoring = ["python3", "-m", "uvicorn", "mlflow.pyfunc.scoring_server.app:app"]
        scoring += ["--port", str(_SCORING_PORT), "--no-access-log", "--log-level", "warning"]
        for connections in (1, 8):
            measured = partial(_measure, served=served, connections=connections, requests=requests)
            with peers.running(served.predictor, bare, _BARE_PORT) as pid:
                target = LoadTarget(
                    url=f"http://127.0.0.1:{_BARE_PORT}/predict", headers={"Host": "bare"}, body=paths["v1"]
                )
                figures.append(measured("bare Starlette", target, server=pid, network_of=served.predictor))
            for label, url, body, network_of in targets:
                target = LoadTarget(url=url, headers=served.headers, body=paths[body])
                figures.append(measured(label, target, server=served.predictor, network_of=network_of))
            with peers.running(served.predictor, scoring, _SCORING_PORT, _SCORED) as pid:
                target = LoadTarget(
                    url=f"http://127.0.0.1:{_SCORING_PORT}/invocations",
                    headers={"Host": "mlflow"},
                    body=paths["mlflow"],
                )
                figures.append(
                    measured("MLflow scoring server", target, server=pid, network_of=served.predictor)
                )
    return figures


def measure_mixed_columns(served: Served, requests: int = 1000) -> list[ServingFigures]:
    """Measure a model of numbers, texts and booleans: our predictor, and a bare app on pyfunc.predict.

    Both get one row as MLflow's `dataframe_split`, from one client, with the same model.
    """
    here = Path(__file__)
    inside = processes.root_of(served.predictor)
    maker = here.with_name("mixed_model.py").read_text()
    peers.run(served.predictor, ["python3", "-c", maker, str(_MIXED_FOLDER)])
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder) / "request"
        body.write_bytes((inside / _MIXED_FOLDER.relative_to("/") / "request.json").read_bytes())
        bare = ["python3", "-c", here.with_name("bare_server.py").read_text(), str(_MIXED_FOLDER)]
        ours = ["python3", "-m", "predictor", "--model_name=mixed", f"--model_dir={_MIXED_FOLDER}"]
        ours += [f"--http_port={_MIXED_PORT}", "--enable_grpc=false"]
        compared = [
            ("bare Starlette", [*bare, str(_BARE_PORT)], _BARE_PORT, "/predict"),
            ("plinth predictor", ours, _MIXED_PORT, "/invocations"),
        ]
        measured = partial(_measure, served=served, connections=1, requests=requests)
        figures: list[ServingFigures] = []
        for label, argv, port, path in compared:
            target = LoadTarget(url=f"http://127.0.0.1:{port}{path}", headers={"Host": "mixed"}, body=body)
            with peers.running(served.predictor, argv, port) as pid:
                figures.append(measured(label, target, server=pid, network_of=served.predictor))
    return figures


def rows(figures: list[ServingFigures]) -> list[dict[str, object]]:
    """Return the figures as rows, each with its ratios to the bare app at the same number of connections."""
    floors = {each.connections: each for each in figures if each.target == "bare Starlette"}
    table: list[dict[str, object]] = []
    for each in figures:
        floor = floors[each.connections]
        cpu = each.server_cpu_ms + each.gateway_cpu_ms
        table.append(
            {
                **asdict(each),
                "p50_ratio": each.load.p50_ms / floor.load.p50_ms,
                "cpu_ratio": cpu / floor.server_cpu_ms,
                "rate_ratio": each.load.requests_per_second / floor.load.requests_per_second,
            }
        )
    return table
