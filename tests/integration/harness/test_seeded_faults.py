"""Ten seeded faults: the check for each passes without it and fails with it."""

import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
import yaml

from components.monitoring import metric_names, targets, watch
from components.monitoring.rules import Alert, Recording, Rule
from components.monitoring.timing import REHEARSAL
from harness.prometheus import Prometheus, PrometheusError
from infra.settings import stack_file
from tests.fixtures import platform, platforms, scraping, watches
from tests.fixtures.load_runs import REPOSITORY, STEADY, LoadRun, starved
from tests.fixtures.load_runs import load_run as load_run
from tests.fixtures.ports import free_port
from tests.fixtures.recorder import Registration
from tests.fixtures.stub_platform import DIGEST, FILES, PROBABILITIES, ROWS, stub_platform
from tests.integration.components import test_alert_rules
from tests.integration.components.fault_cases import FAULTS, Fault
from upstream.build import binary
from workloads.serving.artifacts import digest_of_files
from workloads.wait import wait_for

_SECONDS = 60


def recorded() -> list[Registration]:
    """Every object of the local stack."""
    return list(platform.deployed(stack_file.settings("local"), stack_name="local").registrations)


@pytest.fixture(scope="module")
def stack() -> list[Registration]:
    return recorded()


# 1. A monitor scrapes a port that its pods do not have.


@pytest.mark.parametrize("name", ["gateway", "registry", "object-store", "kube-state-metrics"])
def test_a_wrong_port_of_a_monitor_is_found(
    stack: list[Registration], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert scraping.unreached(stack) == []
    merged = watch.merged

    def wrong(watches: Iterable[watch.Watch]) -> watch.Watch:
        whole = merged(watches)
        moved = {
            each.name: replace(each, port=each.port + 1000) for each in whole.targets if each.name == name
        }
        return replace(whole, targets=tuple(moved.get(each.name, each) for each in whole.targets))

    monkeypatch.setattr(watch, "merged", wrong)
    (fault,) = scraping.unreached(recorded())
    assert fault.startswith(f"{name}: its pods have the ports [")


# 2. A metric is renamed, but not in the rules that read it.


def unread(known: set[str]) -> set[str]:
    """Metrics that rules read and nothing scrapes or records."""
    every = [rule for group in watches.rules().values() for rule in group]
    recordings = {rule.record for rule in every if isinstance(rule, Recording)}
    return {
        name
        for rule in every
        for name in metric_names.of(rule.expression)
        if name not in known | recordings | {"ALERTS"}
    }


def test_a_renamed_metric_is_found_before_anything_runs() -> None:
    scraped = watches.watch().targets
    assert unread(targets.metrics(scraped)) == set()
    name = "traefik_service_requests_total"
    renamed = [
        replace(each, metrics=tuple(f"{one}s" if one == name else one for one in each.metrics))
        for each in scraped
    ]
    assert unread(targets.metrics(renamed)) == {name}


class _Exporter(http.server.BaseHTTPRequestHandler):
    """A program with one metric."""

    metric: ClassVar[str] = ""

    def do_GET(self) -> None:
        body = f"# TYPE {self.metric} counter\n{self.metric} 1\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def exporting(metric: str) -> Generator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("One", (_Exporter,), {"metric": metric}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


@contextmanager
def prometheus(folder: Path, scraped_port: int) -> Generator[Prometheus]:
    """The real Prometheus, once it has scraped one port of this machine, which it does every second."""
    job = {
        "job_name": "one",
        "scrape_interval": "1s",
        "static_configs": [{"targets": [f"127.0.0.1:{scraped_port}"]}],
    }
    configuration = folder / "prometheus.yml"
    configuration.write_text(yaml.safe_dump({"scrape_configs": [job]}))
    url = f"127.0.0.1:{free_port()}"
    argv = [str(binary("prometheus")), f"--config.file={configuration}", f"--web.listen-address={url}"]
    argv.append(f"--storage.tsdb.path={folder / 'samples'}")
    asked = Prometheus(platforms.endpoints(gateway_url=f"http://{url}"))
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(argv, stdout=log, stderr=log)

    def tried() -> str | None:
        if server.poll() is not None:
            raise AssertionError((folder / "log").read_text()[-1000:])
        try:
            return None if asked.has("up") else "no sample yet"
        # It answers 503 until it has read its own log.
        except (httpx.HTTPError, PrometheusError) as error:
            return str(error)

    try:
        wait_for("a first scrape", tried, timeout_seconds=_SECONDS, interval_seconds=0.2)
        yield asked
    finally:
        asked.close()
        server.terminate()
        server.wait(timeout=_SECONDS)


def test_the_running_prometheus_shows_a_wrong_port_and_a_renamed_metric(tmp_path: Path) -> None:
    right, renamed, wrong = tmp_path / "right", tmp_path / "renamed", tmp_path / "wrong"
    for folder in (right, renamed, wrong):
        folder.mkdir()
    with exporting("requests_total") as port, prometheus(right, port) as asked:
        assert asked.targets() == {"one": [("up", "")]}
        assert asked.has("requests_total")
    with exporting("request_total") as port, prometheus(renamed, port) as asked:
        assert asked.targets() == {"one": [("up", "")]}
        assert not asked.has("requests_total")
    with prometheus(wrong, free_port()) as asked:
        ((health, error),) = asked.targets()["one"]
        assert health == "down"
        assert "connection refused" in error


# 3. An alert's expression can never be true.

_ALERT = "ServingErrorBudgetFastBurn"


def outage_is_notified(folder: Path, fault: Fault = FAULTS[_ALERT]) -> bool:
    """Simulate an outage with promtool; return whether the alert fires as its check requires."""
    alert = test_alert_rules.alerts(REHEARSAL)[_ALERT]
    done = test_alert_rules.check(folder, REHEARSAL, alert, fault)
    output = done.stdout + done.stderr
    # It failed because of the alert, not because promtool could not read the case.
    assert done.returncode == 0 or "got:" in output, output
    return done.returncode == 0


def test_an_alert_that_never_fires_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert outage_is_notified(tmp_path)
    right = test_alert_rules.groups

    def never(*arguments: Any) -> dict[str, list[Rule]]:
        # A ratio is never above 1.
        return {
            name: [
                replace(rule, expression=f"({rule.expression}) > 1.5") if isinstance(rule, Alert) else rule
                for rule in rules
            ]
            for name, rules in right(*arguments).items()
        }

    monkeypatch.setattr(test_alert_rules, "groups", never)
    assert not outage_is_notified(tmp_path)


# 4. A file of objectives has a typo.


def test_a_typo_in_a_file_of_objectives_is_found(load_run: LoadRun) -> None:
    with stub_platform() as stub:
        code, _, errors = load_run(stub, {**STEADY, "slo": {"p99Mz": 2000}}, "--once")
        assert (code, errors.count("\n")) == (1, 1)
        assert errors.endswith("slo.p99Mz: unknown key; correct or delete it\n")
        assert stub.requests == []
        assert load_run(stub, STEADY, "--once")[0] == 0


# 5. The predictor answers one row in a hundred with the wrong class.


def test_a_wrong_class_for_one_row_in_a_hundred_is_found(load_run: LoadRun) -> None:
    with stub_platform() as stub:
        assert load_run(stub, STEADY)[0] == 0
    with stub_platform(wrong_every=100) as stub:
        code, report, _ = load_run(stub, STEADY)
    assert (code, report["outcome"]) == (1, "failed")
    assert "answered wrongly" in report["reasons"][0]


# 6. The gateway routes to an old version.


def test_a_route_to_an_old_version_is_found(load_run: LoadRun, tmp_path: Path) -> None:
    expected = tmp_path / "expected.json"
    expected.write_text(json.dumps({"digest": DIGEST, "rows": ROWS, "probabilities": PROBABILITIES}))
    with stub_platform() as stub:
        assert load_run(stub, STEADY, "--once", "--expected", str(expected))[0] == 0
    with stub_platform(digest="0" * 64) as stub:
        code, report, _ = load_run(stub, STEADY, "--once", "--expected", str(expected))
    assert code == 1
    assert f"model {'0' * 12} answered, not {DIGEST[:12]}" in report["failures"][0]["what"]


# 7. The predictor is slow.


def test_a_slow_predictor_is_found(load_run: LoadRun) -> None:
    with stub_platform(seconds_per_answer=0.05) as stub:
        code, report, _ = load_run(stub, STEADY)
    assert (code, report["outcome"]) == (1, "failed")
    assert any(reason.startswith("p99 ") for reason in report["reasons"])


# 8. A label is dropped from a pod, so that no monitor selects it, or from a series, so that no rule does.


@pytest.mark.parametrize("name", ["traefik-server", "mlflow-server", "pipelines-api-server"])
def test_a_label_dropped_from_a_pod_is_found(stack: list[Registration], name: str) -> None:
    faulty: list[Registration] = []
    for each in stack:
        inputs = deepcopy(each.inputs)
        if each.name == name and each.type.startswith("kubernetes:apps/"):
            del inputs["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]
        faulty.append(replace(each, inputs=inputs))
    (fault,) = scraping.unreached(faulty)
    assert "no pod in" in fault


def test_a_label_dropped_from_a_series_is_found(tmp_path: Path) -> None:
    assert outage_is_notified(tmp_path)
    fault = FAULTS[_ALERT]
    series = tuple(replace(each, name=re.sub(r'service="[^"]*",', "", each.name)) for each in fault.series)
    assert series != fault.series
    assert not outage_is_notified(tmp_path, replace(fault, series=series))


# 9. The registry's alias names the wrong version.


def test_an_alias_of_the_wrong_version_is_found(load_run: LoadRun, monkeypatch: pytest.MonkeyPatch) -> None:
    old = digest_of_files([(name, content + b"old") for name, content in FILES.items()])
    with stub_platform() as stub:
        assert load_run(stub, "registry-steady", "--once")[0] == 0
        answer = stub.mlflow

        def of_old(path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
            if path.endswith("/alias"):
                return 200, {
                    "model_version": {"version": "2", "tags": [{"key": "model.digest", "value": old}]}
                }
            return answer(path, query, body)

        monkeypatch.setattr(stub, "mlflow", of_old)
        code, report, _ = load_run(stub, "registry-steady", "--once")
    assert (code, report["outcome"]) == (1, "failed")
    assert "not those that were registered" in report["failures"][0]["what"]


# 10. The load generator is starved of the processor.


def test_a_starved_load_generator_is_found(tmp_path: Path) -> None:
    profile, report = tmp_path / "profile.yaml", tmp_path / "report.json"
    profile.write_text(yaml.safe_dump({**STEADY, "slo": {"p99Ms": 200}}))
    argv = [sys.executable, "-m", "loadtests", "run", "--profile", str(profile), "--report", str(report)]
    with stub_platform() as stub:
        argv += ["--endpoints", str(stub.endpoints(tmp_path))]
        with subprocess.Popen(argv, cwd=REPOSITORY, stderr=subprocess.DEVNULL, env=os.environ) as process:

            def asking() -> str | None:
                assert process.poll() is None
                return None if stub.predictions else "no request yet"

            wait_for("a first request", asking, timeout_seconds=_SECONDS, interval_seconds=0.05)
            with starved(process.pid):
                over = threading.Event()
                over.wait(4)
            assert process.wait(timeout=_SECONDS) == 1
    run = json.loads(report.read_text())["runs"][0]
    assert run["outcome"] == "invalid"
    assert "the generator" in run["reasons"][0]
