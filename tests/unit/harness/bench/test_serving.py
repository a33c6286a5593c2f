"""Figures of served models, compared with a bare app."""

from dataclasses import replace
from pathlib import Path

import pytest

from cluster.instance import Instance
from harness import memory, processes
from harness.bench import closed_loop, serving
from harness.bench.closed_loop import LoadError, LoadFigures, LoadTarget
from harness.bench.serving import Served, ServingFigures

LOAD = LoadFigures(requests=100, requests_per_second=1000, p50_ms=1.0, p99_ms=3.0)
BARE = ServingFigures(
    target="bare Starlette", connections=1, load=LOAD, server_cpu_ms=0.4, gateway_cpu_ms=0.0
)


def test_ratios_compare_with_the_bare_app_at_the_same_number_of_connections() -> None:
    bare_of_eight = replace(BARE, connections=8, load=replace(LOAD, requests_per_second=4000, p50_ms=2.0))
    gateway = ServingFigures(
        target="plinth v1 gateway",
        connections=8,
        load=replace(LOAD, requests_per_second=3000, p50_ms=3.0),
        server_cpu_ms=0.4,
        gateway_cpu_ms=0.2,
    )
    rows = serving.rows([BARE, bare_of_eight, gateway])
    assert [row["p50_ratio"] for row in rows] == [1.0, 1.0, 1.5]
    assert rows[2]["cpu_ratio"] == pytest.approx(1.5)
    assert rows[2]["rate_ratio"] == 0.75
    assert rows[2]["load"] == {"requests": 100, "requests_per_second": 3000, "p50_ms": 3.0, "p99_ms": 3.0}


def test_the_processes_that_serve_a_model_are_found_by_their_command_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = {
        1: ["/usr/bin/traefik", "--configfile=x"],
        2: ["python3", "-m", "server", "--model_name=beer"],
        3: ["python3", "-m", "server", "--model_name=wine"],
        4: [],
        5: ["python3", "-m", "server", "--model_name=wine"],
        6: ["python3", "-m", "server", "--model_name=wine"],
    }
    # Pods of every version answer as the model; the names of the pods tell them apart.
    pods = {
        2: "beer-v7-predictor-a",
        3: "wine-v7-predictor-b",
        5: "wine-v6-predictor-c",
        6: "wine-v70-predictor-d",
    }
    monkeypatch.setattr(memory, "find_members", lambda _: list(lines))
    monkeypatch.setattr(processes, "command_line", lambda pid: lines[pid])
    monkeypatch.setattr(processes, "environment", lambda pid: {"HOSTNAME": pods[pid]} if pid in pods else {})
    served = serving.find_served(Instance("x"), "wine", "wine-v7", {"Host": "wine.host"}, [1.0])
    assert (served.predictor, served.gateway, served.headers) == (3, 1, {"Host": "wine.host"})
    older = serving.find_served(Instance("x"), "wine", "wine-v6", {"Host": "wine.host"}, [1.0])
    assert (older.predictor, older.gateway) == (5, 1)
    for name, service in (("wine", "wine-v8"), ("wines", "wine-v7"), ("wine", "beer-v7")):
        with pytest.raises(LoadError, match=f"or of the gateway; is {service} running"):
            serving.find_served(Instance("x"), name, service, {"Host": "wine.host"}, [1.0])
    del lines[1]
    with pytest.raises(LoadError, match="no process of the predictor or of the gateway"):
        serving.find_served(Instance("x"), "wine", "wine-v7", {"Host": "wine.host"}, [1.0])


def test_the_median_run_counts_and_the_first_only_warms_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    latencies = iter([99.0, 3.0, 1.0, 2.0])
    spent = {10: 0.0, 20: 0.0}

    def run(*_: object, **__: object) -> LoadFigures:
        spent[10] += 0.5
        spent[20] += 0.25
        return replace(LOAD, p50_ms=next(latencies))

    monkeypatch.setattr(closed_loop, "run", run)
    monkeypatch.setattr(processes, "cpu_seconds", lambda pid: spent[pid])
    served = Served(name="wine", headers={"Host": "h"}, row=[1.0], predictor=10, gateway=20)
    target = LoadTarget(url="http://127.0.0.1:1", headers={"Host": "h"}, body=tmp_path)

    def measured(network_of: int) -> ServingFigures:
        return serving._measure(
            "x", target, served, server=10, network_of=network_of, connections=1, requests=100, pinned=False
        )

    through = measured(20)
    assert through.load.p50_ms == 2.0
    assert (through.server_cpu_ms, through.gateway_cpu_ms) == (5.0, 2.5)
    latencies = iter([99.0, 3.0, 1.0, 2.0])
    assert measured(10).gateway_cpu_ms == 0.0, "a direct request does not pass the gateway"
