"""Which serving runtime a model version gets, by the packages that it requires."""

import json
from pathlib import Path

import mlflow.artifacts
import pytest
from mlflow.exceptions import MlflowException

from workloads.errors import WorkloadsError
from workloads.serving.runtime_choice import chosen_runtime

FAMILIES = [
    {"family": "sklearn", "runtime": "mlflow-abc", "packages": {"mlflow": "3.17.2", "scikit-learn": "1.9.1"}},
    {
        "family": "boosting",
        "runtime": "mlflow-boosting-def",
        "packages": {"mlflow": "3.17.2", "scikit-learn": "1.9.1", "xgboost": "3.2.0"},
    },
    {"family": "onnx", "runtime": "", "packages": {"mlflow": "3.17.2", "onnxruntime": "1.32.0"}},
]


class Registry:
    """Holds the requirements of version 7 of wine."""

    requirements: str | None = None

    def download(self, artifact_uri: str, dst_path: str) -> str:
        assert artifact_uri == "models:/wine/7/requirements.txt"
        if self.requirements is None:
            raise MlflowException("no such artifact")
        file = Path(dst_path) / "requirements.txt"
        file.write_text(self.requirements)
        return str(file)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    found = Registry()
    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", found.download)
    monkeypatch.setenv("PLINTH_SERVING_RUNTIMES", json.dumps(FAMILIES))
    return found


@pytest.mark.parametrize(
    ("requirements", "runtime"),
    [
        (None, "mlflow-abc"),
        ("mlflow\nscikit_learn>=1 # comment\n\n# line\n--extra-index-url x\n", "mlflow-abc"),
        ("mlflow\nxgboost==3.1.1\n", "mlflow-boosting-def"),
        ("pywin32; sys_platform == 'win32'\n", "mlflow-abc"),
    ],
)
def test_the_runtime_holds_what_the_model_requires(
    registry: Registry, requirements: str | None, runtime: str
) -> None:
    registry.requirements = requirements
    assert chosen_runtime("wine", "7") == runtime


@pytest.mark.parametrize(
    ("requirements", "message"),
    [
        ("onnxruntime", "needs onnxruntime, which the runtime 'onnx' has: add 'onnx' to serving.runtimes"),
        ("torch==2.9\nscikit-learn", "needs torch, which no serving runtime has"),
        ("xgboost\ntorch", "needs torch, which no serving runtime has"),
        ("./wheels/own.whl", "requirement './wheels/own.whl' is no package of an index"),
    ],
)
def test_a_model_that_no_runtime_of_the_platform_holds_is_refused(
    registry: Registry, requirements: str, message: str
) -> None:
    registry.requirements = requirements
    with pytest.raises(WorkloadsError, match=message):
        chosen_runtime("wine", "7")


def test_another_version_of_a_package_is_named(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.requirements = "scikit-learn==1.2.0"
    chosen_runtime("wine", "7")
    assert "needs scikit-learn==1.2.0, is served with scikit-learn 1.9.1" in capsys.readouterr().out
