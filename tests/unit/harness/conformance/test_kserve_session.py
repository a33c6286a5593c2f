import importlib
import sys
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest


class _Client:
    calls: ClassVar[list[tuple[str, str]]] = []
    created: ClassVar[list[Any]] = []
    ready = True

    def create(self, service: Any) -> None:
        self.created.append(service)

    def wait_isvc_ready(self, name: str, *, namespace: str, timeout_seconds: int) -> None:
        if not self.ready:
            raise RuntimeError("not ready")

    def delete(self, name: str, *, namespace: str) -> None:
        self.calls.append((name, namespace))


class _Rest:
    def __init__(self, _: object) -> None:
        pass

    async def infer(
        self, url: str, body: dict[str, Any], *, model_name: str, headers: dict[str, str]
    ) -> object:
        return {"url": url, "host": headers["Host"].partition("-models")[2], "rows": len(body["instances"])}


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script, with a stand-in for the kserve package, which cannot be installed here."""
    kserve: Any = ModuleType("kserve")
    kserve.KServeClient, kserve.InferenceRESTClient = _Client, _Rest
    for name in ("InferenceService", "InferenceServiceSpec", "ModelFormat", "ModelSpec", "PredictorSpec"):
        setattr(kserve, f"V1beta1{name}", SimpleNamespace)
    kserve.RESTConfig = SimpleNamespace
    monkeypatch.setitem(sys.modules, "kserve", kserve)
    monkeypatch.delitem(sys.modules, "harness.conformance.kserve_session", raising=False)
    _Client.calls.clear()
    _Client.created.clear()
    yield importlib.import_module("harness.conformance.kserve_session")
    sys.modules.pop("harness.conformance.kserve_session", None)


def test_the_service_names_a_format_and_a_model_and_nothing_of_the_platform(
    session: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    session.main("models", "s3://mlflow/1", "http://127.0.0.1:8080", "plinth.localhost")
    (service,) = _Client.created
    predictor = vars(service.spec.predictor)
    assert list(predictor) == ["model"]
    assert vars(predictor["model"]) == {
        "model_format": SimpleNamespace(name="mlflow"),
        "storage_uri": "s3://mlflow/1",
    }
    assert _Client.calls == [(service.metadata.name, "models")]
    assert (
        capsys.readouterr().out
        == "{'url': 'http://127.0.0.1:8080', 'host': '.plinth.localhost', 'rows': 2}\n"
    )


def test_a_service_that_does_not_become_ready_is_deleted_too(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Client, "ready", False)
    with pytest.raises(RuntimeError, match="not ready"):
        session.main("models", "s3://mlflow/1", "http://127.0.0.1:8080", "plinth.localhost")
    assert _Client.calls == [(_Client.created[0].metadata.name, "models")]
