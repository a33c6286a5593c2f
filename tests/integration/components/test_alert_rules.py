"""Every rule under promtool: it fires within its promise, not before the fault, and not after."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.monitoring import targets
from components.monitoring.rules import Alert, Recording, Rule, group
from components.monitoring.timing import OPERATION, REHEARSAL, Timing
from components.serving import burn_rates
from tests.fixtures import watches
from tests.integration.components.fault_cases import FAULTS, Fault, Series
from upstream import build

PACES = [pytest.param(OPERATION, id="operation"), pytest.param(REHEARSAL, id="rehearsal")]
_EXPIRY_DAYS = 21


def groups(timing: Timing, expiries: dict[str, int] | None = None) -> dict[str, tuple[Rule, ...]]:
    return watches.rules("local", timing, expiries or {"kserve": 2**33})


def alerts(timing: Timing) -> dict[str, Alert]:
    rules = [rule for found in groups(timing).values() for rule in found]
    return {each.name: each for each in rules if isinstance(each, Alert)}


def promtool(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(build.binary("promtool")), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def written(folder: Path, timing: Timing, expiries: dict[str, int] | None = None) -> str:
    """Write the rules as Prometheus reads them; return the file's name."""
    found = [group(name, rules, timing) for name, rules in groups(timing, expiries).items()]
    (folder / "rules.json").write_text(json.dumps({"groups": found}))
    return "rules.json"


def values(series: Series, phases: tuple[int, int, int]) -> str:
    """Return the samples of a series as promtool reads them: healthy, faulty, healthy again."""
    found: list[str] = []
    total = 0.0
    present = False
    for steps, what in zip(phases, (series.healthy, series.faulty, series.healthy), strict=True):
        for _ in range(steps):
            # A counter that was born goes on, though nothing happens any more.
            grown = 0.0 if what is None and series.kind == "counter" and present else what
            if grown is None:
                found.append("stale" if present else "_")
                present = False
                continue
            total = total + grown if series.kind == "counter" else grown
            present = True
            found.append(f"{total:g}")
    return " ".join(found)


def before_fault(timing: Timing, alert: Alert) -> int:
    """Return the seconds of health that the alert's longest window remembers."""
    windows = [burn.long_seconds for burn in timing.burns if f"{burn.name}Burn" in alert.name]
    return max([timing.window_seconds, *windows])


def after_fault(timing: Timing, alert: Alert) -> int:
    """Return the seconds after which a fault that ended is forgotten."""
    short = max(burn.short_seconds for burn in timing.burns)
    hour = 3600 if alert.name == "ClientCertificateExpires" else 0
    return max(timing.window_seconds, short, hour) + 6 * timing.scrape_seconds


def check(folder: Path, timing: Timing, alert: Alert, fault: Fault) -> subprocess.CompletedProcess[str]:
    """Ask promtool whether the alert is quiet, fires within its promise, and is quiet again."""
    step = timing.scrape_seconds
    healthy = before_fault(timing, alert)
    promised = alert.fires_within_seconds - timing.group_wait_seconds
    # Still faulty at the moment that was promised.
    faulty = (promised // step + 1) * step
    recovered = -(-after_fault(timing, alert) // step) * step
    phases = (healthy // step, faulty // step, recovered // step)
    # It expires three weeks after the healthy time.
    rules = written(folder, timing, {"kserve": _EXPIRY_DAYS * 86400 + healthy})
    wanted = {"alertname": alert.name, "severity": alert.severity, "alertstate": "firing", **fault.labels}
    labels = ",".join(f'{key}="{value}"' for key, value in wanted.items())
    query = f'ALERTS{{alertname="{alert.name}",alertstate="firing"}}'

    def expected(at: int, *samples: dict[str, Any]) -> dict[str, Any]:
        return {"expr": query, "eval_time": f"{at}s", "exp_samples": list(samples)}

    checks = [
        expected(healthy - step),
        expected(healthy + promised, {"labels": f"ALERTS{{{labels}}}", "value": 1}),
    ]
    if alert.name != "CertificateExpires":
        checks.append(expected(healthy + faulty + recovered - step))
    document = {
        "rule_files": [rules],
        "evaluation_interval": f"{step}s",
        "tests": [
            {
                "interval": f"{step}s",
                "input_series": [
                    {"series": each.name, "values": values(each, phases)} for each in fault.series
                ],
                "promql_expr_test": checks,
            }
        ],
    }
    (folder / "test.json").write_text(json.dumps(document))
    return promtool(folder, "test", "rules", "test.json")


@pytest.mark.parametrize("timing", PACES)
def test_prometheus_reads_every_rule(timing: Timing, tmp_path: Path) -> None:
    done = promtool(tmp_path, "check", "rules", "--lint=all", "--lint-fatal", written(tmp_path, timing))
    assert done.returncode == 0, done.stdout + done.stderr
    wanted = sum(len(rules) for rules in groups(timing).values())
    assert f"{wanted} rules found" in done.stdout


@pytest.mark.parametrize("timing", PACES)
def test_prometheus_reads_the_scrapes_of_what_is_no_pod(timing: Timing, tmp_path: Path) -> None:
    (tmp_path / "scrapes.yaml").write_text(f"scrape_configs:\n{targets.additional_scrapes(timing)}")
    done = promtool(tmp_path, "check", "config", "--syntax-only", "scrapes.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_its_fault() -> None:
    assert FAULTS.keys() == alerts(REHEARSAL).keys()


@pytest.mark.parametrize("timing", PACES)
@pytest.mark.parametrize("name", sorted(FAULTS))
def test_an_alert_fires_within_its_promise_and_is_quiet_before_and_after(
    name: str, timing: Timing, tmp_path: Path
) -> None:
    done = check(tmp_path, timing, alerts(timing)[name], FAULTS[name])
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_alert_that_never_fires_is_found(tmp_path: Path) -> None:
    alert = alerts(REHEARSAL)["ObjectStoreDown"]
    other = Fault(series=FAULTS["GatewayDown"].series, labels=FAULTS["ObjectStoreDown"].labels)
    done = check(tmp_path, REHEARSAL, alert, other)
    assert done.returncode == 1
    assert "ObjectStoreDown" in done.stdout + done.stderr


@pytest.mark.parametrize("timing", PACES)
def test_the_first_failed_run_of_all_is_told(timing: Timing, tmp_path: Path) -> None:
    # Its series is born with the value 1, of which a rate sees nothing.
    series = Series(
        name='argo_workflows_total_count{namespace="kubeflow",phase="Failed"}', healthy=None, faulty=1
    )
    done = check(tmp_path, timing, alerts(timing)["PipelineRunsFailing"], Fault(series=(series,), labels={}))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("timing", PACES)
def test_recorded_ratios_are_those_of_the_requests(timing: Timing, tmp_path: Path) -> None:
    step = timing.scrape_seconds
    recorded = [each for each in groups(timing)["serving-objectives"] if isinstance(each, Recording)]
    good, bad, slow = 9, 1, 3
    series = {
        'traefik_service_requests_total{service="models-a",code="200"}': good,
        'traefik_service_requests_total{service="models-a",code="502"}': bad,
        # Not a model's: counted nowhere.
        'traefik_service_requests_total{service="mlflow-mlflow",code="500"}': 100,
        'traefik_service_request_duration_seconds_count{service="models-a"}': good + bad,
        'traefik_service_request_duration_seconds_bucket{service="models-a",le="0.25"}': good + bad - slow,
    }
    at = timing.burns[-1].long_seconds + 10 * step
    expected = {"errors": bad / (good + bad), "slow": slow / (good + bad)}
    tests = [
        {
            "expr": f"round({each.record}, 0.0001)",
            "eval_time": f"{at}s",
            "exp_samples": [{"labels": '{service="models-a"}', "value": value}],
        }
        for each in recorded
        for kind, value in expected.items()
        if f"serving_{kind}:" in each.record
    ]
    assert len(tests) == 2 * len(burn_rates.windows(timing))
    document = {
        "rule_files": [written(tmp_path, timing)],
        "evaluation_interval": f"{step}s",
        "tests": [
            {
                "interval": f"{step}s",
                "input_series": [
                    {"series": name, "values": f"0+{growth}x{at // step}"} for name, growth in series.items()
                ],
                "promql_expr_test": tests,
            }
        ],
    }
    (tmp_path / "test.json").write_text(json.dumps(document))
    done = promtool(tmp_path, "test", "rules", "test.json")
    assert done.returncode == 0, done.stdout + done.stderr
