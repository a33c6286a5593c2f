import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

from tests.fixtures.load_runs import REPOSITORY, STEADY, LoadRun, starved
from tests.fixtures.stub_platform import stub_platform


def test_a_platform_that_meets_its_service_levels_passes(load_run: LoadRun) -> None:
    with stub_platform() as stub:
        code, report, errors = load_run(stub, STEADY)
    assert (code, report["outcome"], report["reasons"]) == (0, "passed", []), errors
    found = report["statistics"]
    assert (found["asked"], found["answered"]) == (100, 100)
    assert stub.predictions == 125
    assert [each["asked"] for each in report["series"]] == [50, 50, 25]
    assert "due 50/s" in errors


def test_a_slow_model_fails_and_the_waiting_time_of_arrivals_counts(load_run: LoadRun) -> None:
    # 10 a second at most, where 50 are due: the last arrivals wait for the earlier ones.
    with stub_platform(seconds_per_answer=0.1) as stub:
        code, report, _ = load_run(stub, STEADY)
    assert (code, report["outcome"]) == (1, "failed")
    assert report["statistics"]["p99_ms"] > 2000
    assert report["statistics"]["sent_per_second"] == pytest.approx(50, rel=0.06)


def test_one_wrong_answer_in_a_hundred_fails(load_run: LoadRun) -> None:
    with stub_platform(wrong_every=100) as stub:
        code, report, _ = load_run(stub, STEADY)
    assert (code, report["outcome"], report["statistics"]["wrong"]) == (1, "failed", 1)
    assert report["reasons"][0] == "1 operations were answered wrongly"


def test_answers_of_another_model_fail(load_run: LoadRun, tmp_path: Path) -> None:
    expected = tmp_path / "expected.json"
    with stub_platform() as stub:
        expected.write_text(
            json.dumps({"digest": "e" * 64, "rows": [[0.0, 0.0]], "probabilities": [[0.5, 0.5]]})
        )
        code, report, _ = load_run(stub, STEADY, "--expected", str(expected))
    assert (code, report["outcome"]) == (1, "failed")
    assert report["failures"][0]["what"] == "wrong: model dddddddddddd answered, not eeeeeeeeeeee"


def test_a_ramp_stops_at_saturation(load_run: LoadRun) -> None:
    profile = {
        **STEADY,
        "mix": {"v1x1": 1},
        "shape": {"kind": "ramp", "rate": 10, "limit": 1000, "growth": 2, "stepSeconds": 1},
        "slo": {"p99Ms": 5000, "saturationPerSecond": 5},
    }
    # 50 a second at most.
    with stub_platform(seconds_per_answer=0.02) as stub:
        _, report, _ = load_run(stub, profile)
    steps = report["steps"]
    assert [round(each["asked_per_second"]) for each in steps][:2] == [10, 20]
    assert len(steps) < 7
    assert not any(each["held"] for each in steps[-2:])
    assert 15 <= report["statistics"]["saturation_per_second"] <= 55


def test_a_generator_that_is_starved_of_the_processor_makes_the_run_invalid(tmp_path: Path) -> None:
    profile = tmp_path / "starved.yaml"
    profile.write_text(yaml.safe_dump({**STEADY, "slo": {"p99Ms": 200}}))
    report = tmp_path / "report.json"
    with stub_platform() as stub:
        command = [
            sys.executable,
            "-m",
            "loadtests",
            "run",
            "--profile",
            str(profile),
            "--report",
            str(report),
        ]
        command += ["--endpoints", str(stub.endpoints(tmp_path))]
        with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE) as process:
            asked = threading.Event()
            while not stub.predictions and process.poll() is None:
                asked.wait(0.05)
            with starved(process.pid):
                asked.wait(4)
            assert process.wait(timeout=60) == 1
    run = json.loads(report.read_text())["runs"][0]
    assert (run["outcome"], run["statistics"]["wrong"]) == ("invalid", 0)
    assert "the generator" in run["reasons"][0]


def test_a_target_outside_this_machine_is_refused_in_one_line(load_run: LoadRun) -> None:
    with stub_platform() as stub:
        code, report, errors = load_run(stub, STEADY, "--target", "http://192.0.2.1")
    assert (code, report, stub.requests) == (1, {}, [])
    assert errors.startswith("error: target 'http://192.0.2.1': not this machine's own cluster; ")
    assert errors.count("\n") == 1


def test_a_bad_profile_is_refused_in_one_line_before_any_request(load_run: LoadRun) -> None:
    with stub_platform() as stub:
        code, report, errors = load_run(stub, {**STEADY, "slo": {"p99Mss": 1}})
    assert (code, report, stub.requests) == (1, {}, [])
    assert errors.endswith("mine.yaml: slo.p99Mss: unknown key; correct or delete it\n")
    assert errors.count("\n") == 1


def test_a_platform_that_is_down_is_reported_in_one_line(load_run: LoadRun) -> None:
    with stub_platform() as stub:
        pass
    code, _, errors = load_run(stub, STEADY)
    assert code == 1
    assert errors.startswith("error: wine-models.stub.local at http://127.0.0.1:")
    assert errors.count("\n") == 1
