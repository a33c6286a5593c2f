import dataclasses
from pathlib import Path

from tests.fixtures import certificates
from tests.fixtures.load_runs import LoadRun
from tests.fixtures.stub_platform import stub_platform


def test_a_refusal_is_a_failure_with_its_status_and_is_not_retried(load_run: LoadRun) -> None:
    with stub_platform(refuse_every=2) as stub:
        code, report, _ = load_run(stub, "serving-gate", "--once")
    assert (code, stub.predictions, report["statistics"]["failed"]) == (1, 4, 2)
    assert all("HTTP 503" in each["what"] for each in report["failures"])


def test_an_answer_that_takes_too_long_is_a_failure(load_run: LoadRun) -> None:
    profile = {
        "description": "a test",
        "user": "inference",
        "mix": {"v1x1": 1},
        "shape": {"kind": "steady", "rate": 2, "seconds": 1},
        "timeoutSeconds": 0.5,
        "warmUpSeconds": 0,
        "slo": {},
    }
    with stub_platform(seconds_per_answer=30) as stub:
        code, report, _ = load_run(stub, profile)
        stub.over.set()
    assert (code, report["statistics"]["answered"]) == (1, 0)
    assert "imeout" in report["failures"][0]["what"]
    assert report["statistics"]["p99_ms"] < 5000


def test_a_gateway_with_tls_is_verified_by_its_own_authority(load_run: LoadRun, tmp_path: Path) -> None:
    served = certificates.make(tmp_path, "127.0.0.1")
    with stub_platform(certificate=served) as stub:
        code, report, _ = load_run(stub, "serving-gate", "--once")
        assert (code, report["statistics"]["failed"]) == (0, 0)
        assert stub.predictions == 4
        (tmp_path / "other").mkdir()
        other = certificates.make(tmp_path / "other", "127.0.0.1")
        stub.certificate = dataclasses.replace(served, authority=other.authority)
        code, _, error = load_run(stub, "serving-gate", "--once")
    assert (code, stub.predictions) == (1, 4)
    assert "SSLError" in error
