"""What recording and the gate add."""

from typing import ClassVar

import pytest
import yaml

from cluster.instance import Instance
from components.access import gate, traefik_configuration
from harness import memory, processes
from harness.bench import additions, overheads, peers
from harness.bench.closed_loop import LoadError
from harness.bench.serving import Served
from tests.fixtures.platforms import endpoints

_SERVED = Served(name="wine", headers={"Host": "wine.host"}, row=[1.0], predictor=3, gateway=1)


class _Running:
    """A server that does not run."""

    commands: ClassVar[list[list[str]]] = []

    def __init__(self, pid: int, argv: list[str], port: int) -> None:
        self.commands.append(argv)
        self.pid = pid + port

    def __enter__(self) -> int:
        return self.pid

    def __exit__(self, *_: object) -> None:
        pass


def test_two_entry_points_differ_in_the_gate_alone() -> None:
    dynamic = yaml.safe_load(traefik_configuration.dynamic(gate.address(), 64))
    made = overheads.routers(dynamic, "http://10.0.0.1:8080")["http"]
    assert made["middlewares"] == dynamic["http"]["middlewares"]
    assert {name: each["middlewares"] for name, each in made["routers"].items()} == {
        "plain": ["in-flight"],
        "guarded": ["gate", "in-flight"],
    }
    assert {each["service"] for each in made["routers"].values()} == {*made["services"]}


def test_a_stack_that_records_nothing_or_has_no_gate_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = {1: ["/usr/bin/traefik"], 3: ["python3", "-m", "predictor", "--http_port=8080"]}
    monkeypatch.setattr(processes, "command_line", lines.__getitem__)
    monkeypatch.setattr(memory, "find_members", lambda _: [*lines])
    with pytest.raises(LoadError, match="records nothing"):
        list(overheads.measure(Instance("x"), endpoints(), _SERVED, "r1"))
    lines[3] += ["--record_bins=true", "--record_sample_rate=1"]
    monkeypatch.setattr(peers, "running", _Running)
    monkeypatch.setattr(additions, "measure", lambda *_, **__: None)
    _Running.commands.clear()
    with pytest.raises(LoadError, match="the gateway asks no gate"):
        list(overheads.measure(Instance("x"), endpoints(), _SERVED, "r1"))
    assert _Running.commands == [
        ["python3", "-m", "predictor", "--http_port=18100", "--enable_grpc=false"],
        [
            *("python3", "-m", "predictor", "--http_port=18101", "--enable_grpc=false"),
            *("--record_bins=true", "--record_sample_rate=1", "--record_port=18102"),
        ],
    ]
