import os
import socket

import pytest

from cluster import ports
from cluster.errors import ClusterError


def _listening() -> socket.socket:
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return server


def test_a_taken_port_is_passed_over() -> None:
    with _listening() as server:
        taken = server.getsockname()[1]
        chosen = ports.choose(taken, set())
        assert chosen > taken
        assert ports.choose(taken, {chosen}) > chosen


def test_a_demanded_port_that_is_taken_names_the_process() -> None:
    with _listening() as server:
        taken = server.getsockname()[1]
        with pytest.raises(
            ClusterError, match=rf"--gateway-port {taken} is taken by .* \(pid {os.getpid()}\)"
        ):
            ports.demand("gateway", taken)


@pytest.mark.usefixtures("programs")
def test_a_forwarder_listens_on_loopback_alone() -> None:
    process = ports.forwarder("gateway", 8080, "10.213.0.2:30080")
    assert process.host_network
    assert "TCP-LISTEN:8080,bind=127.0.0.1," in process.argv[1]
    assert process.argv[2].startswith("TCP:10.213.0.2:30080")
