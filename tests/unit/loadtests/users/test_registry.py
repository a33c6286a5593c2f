import threading

import pytest

from tests.fixtures.load_runs import LoadRun
from tests.fixtures.stub_platform import FILES, stub_platform


def test_every_file_of_the_aliased_version_is_loaded(load_run: LoadRun) -> None:
    with stub_platform() as stub:
        code, report, errors = load_run(stub, "registry-steady", "--once")
    assert (code, report["outcome"]) == (0, "passed"), errors
    loaded = [path for path in stub.requests if path.rpartition("/artifacts/")[2] in FILES]
    assert len(loaded) == len(FILES)


def test_other_bytes_than_were_registered_are_a_wrong_answer(
    load_run: LoadRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stub_platform() as stub:
        answer = stub.artifact

        def changed(*call: object) -> tuple[int, object]:
            status, found = answer(*call)  # type: ignore[arg-type]
            return status, found + b"!" if isinstance(found, bytes) else found

        monkeypatch.setattr(stub, "artifact", changed)
        code, report, _ = load_run(stub, "registry-steady", "--once")
    assert (code, report["statistics"]["wrong"]) == (1, 1)
    assert "not those that were registered" in report["failures"][0]["what"]


def test_an_alias_that_moves_to_another_version_is_a_wrong_answer(load_run: LoadRun) -> None:
    profile = {
        "description": "a test",
        "user": "registry",
        "shape": {"kind": "steady", "rate": 10, "seconds": 3},
        "slo": {},
    }
    with stub_platform() as stub:
        calls = threading.Event()
        asked = stub.mlflow

        def moved(path: str, *call: object) -> tuple[int, object]:
            if path.endswith("/alias"):
                stub.alias_version = "4" if calls.is_set() else "3"
                calls.set()
            return asked(path, *call)  # type: ignore[arg-type]

        stub.mlflow = moved  # type: ignore[method-assign, assignment]
        code, report, _ = load_run(stub, profile)
    assert (code, report["outcome"]) == (1, "failed")
    assert report["failures"][0]["what"] == "wrong: the alias names version 4, not 3"
