"""Each family of serving runtimes, in the environment of its image: served answers are those of the model."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from images import python_packages
from upstream import image_recipe

pytestmark = [pytest.mark.integration, pytest.mark.slow]

_SCRIPT = Path(__file__).with_name("flavours.py")
_REPOSITORY = Path(__file__).parents[3]
_PREDICTOR = _REPOSITORY / "images/serving-runtime"


@pytest.mark.parametrize(
    ("family", "models"),
    [
        ("boosting", ["xgboost-classifier", "lightgbm-regressor", "lightgbm-booster", "xgboost-booster"]),
        ("onnx", ["onnx", "sentences"]),
    ],
)
def test_models_are_served_bit_for_bit_in_the_environment_of_their_image(
    family: str, models: list[str], tmp_path: Path
) -> None:
    packages, scripts = tmp_path / "packages", tmp_path / "scripts"
    for name in ("serving-runtime", f"serving-runtime-{family}"):
        image = image_recipe.load(name)
        python_packages.install(python_packages.requirements(image), packages, scripts)
    folder = tmp_path / "models"
    folder.mkdir()
    path = os.pathsep.join([str(_PREDICTOR), str(packages), str(_REPOSITORY)])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(_SCRIPT), family, str(folder)],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    compared = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert compared == [{"model": name, "v1": True, "v2": True} for name in models]
