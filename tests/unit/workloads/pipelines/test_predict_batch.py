"""The one step of predictions."""

import yaml

from workloads import predictions
from workloads.pipelines.compiled import golden

SPEC, PLATFORM = yaml.safe_load_all(golden("predict_batch").read_text())


def test_the_one_step_opens_the_object_store_and_is_never_cached() -> None:
    tasks = SPEC["root"]["dag"]["tasks"]
    assert set(tasks) == {predictions.STEP}
    assert not tasks[predictions.STEP].get("cachingOptions", {}).get("enableCache")
    (executor,) = PLATFORM["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values()
    assert executor["secretAsEnv"][0]["secretName"] == "mlpipeline-minio-artifact"


def test_the_champion_is_asked_unless_another_version_is_named() -> None:
    declared = SPEC["root"]["inputDefinitions"]["parameters"]
    assert declared["version"]["defaultValue"] == "champion"
    assert declared["keep"]["defaultValue"] == []
    assert set(declared) == {"data", "model_name", "version", "output", "keep"}
