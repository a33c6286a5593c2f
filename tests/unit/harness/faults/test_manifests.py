"""Objects that fault injection creates."""

import subprocess
import sys
from typing import Any

import httpx

from harness.faults import manifests
from tests.fixtures.ports import free_port
from workloads.wait import wait_for


def test_a_server_pod_meets_the_restricted_standard() -> None:
    pod = manifests.server_pod("one", {"fault": "one"}, "image:1", code=500, port=8080)
    (container,) = pod["spec"]["containers"]
    context = container["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert (container["image"], container["ports"]) == ("image:1", [{"containerPort": 8080}])
    assert pod["metadata"] == {"name": "one", "labels": {"fault": "one"}}


def test_its_program_answers_get_and_post_with_the_given_status_and_body() -> None:
    port = free_port()
    pod = manifests.server_pod("one", {}, "image:1", code=500, port=port, body="metric 1\n")
    _, *arguments = pod["spec"]["containers"][0]["command"]
    with subprocess.Popen([sys.executable, *arguments]) as process:
        try:

            def unready() -> str | None:
                try:
                    httpx.get(f"http://127.0.0.1:{port}/")
                except httpx.ConnectError as error:
                    return str(error)
                return None

            wait_for("the server", unready, timeout_seconds=30, interval_seconds=0.05)
            for method in ("GET", "POST"):
                answer = httpx.request(method, f"http://127.0.0.1:{port}/any")
                assert (answer.status_code, answer.text) == (500, "metric 1\n")
        finally:
            process.kill()


def test_a_gpu_pod_requests_one_gpu() -> None:
    (container,) = manifests.gpu_pod("train", "image:1")["spec"]["containers"]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "1"}


def test_a_route_leads_from_the_host_to_the_service_of_its_name() -> None:
    spec: dict[str, Any] = manifests.route("failing", "failing-models.plinth.localhost")["spec"]
    assert spec["hostnames"] == ["failing-models.plinth.localhost"]
    assert spec["rules"] == [{"backendRefs": [{"name": "failing", "port": 80}]}]


def test_only_prometheus_may_scrape_the_simulated_node() -> None:
    spec = manifests.scrape_policy("full", {"fault": "full"})["spec"]
    assert spec["podSelector"] == {"matchLabels": {"fault": "full"}}
    assert spec["ingress"] == [
        {"from": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}}]}
    ]


def test_file_system_metrics_are_those_of_node_exporter() -> None:
    assert manifests.filesystem_metrics("/full", size=100, available=3).splitlines() == [
        'node_filesystem_size_bytes{mountpoint="/full"} 100',
        'node_filesystem_avail_bytes{mountpoint="/full"} 3',
    ]
