"""An instance in a cache of its own, whose programs need not be built."""

from pathlib import Path

import pytest

from cluster.instance import Addresses, Instance
from cluster.programs import binaries


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path))
    return Instance("test")


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "path", lambda program: Path("/built") / program)
    monkeypatch.setattr(binaries, "system", lambda program: Path("/usr/bin") / program)
    monkeypatch.setattr(binaries, "version", lambda *_: "v9.8.7")


@pytest.fixture
def addresses() -> Addresses:
    return Addresses(
        host_ip="10.213.0.1", node_ip="10.213.0.2", gateway_port=8080, api_port=6443, registry_port=5000
    )
