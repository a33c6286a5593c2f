"""Stock clients outside the cluster need an address and, at a login, a token; they get all text back."""

import json
import os
from pathlib import Path

import pytest

from tests.e2e import stranger
from workloads.endpoints import Endpoints

_WORDS = "größe Łódź 大小 Размер عربى 🍷"
_LOAD = """
import json, os, sys, mlflow, numpy, requests
row, token = json.loads(sys.argv[1]), os.environ.get("MLFLOW_TRACKING_TOKEN")
headers = {"Authorization": f"Bearer {token}"} if token else {}
model = mlflow.pyfunc.load_model("models:/wine@champion")
answer = requests.post(sys.argv[2], json={"instances": row}, headers=headers, timeout=60)
served = answer.json()["predictions"]
print(float(numpy.abs(numpy.asarray(served) - model.predict(numpy.array(row))).max()))
"""
_ARTIFACTS = """
import pathlib, mlflow
mlflow.set_experiment("artifacts of a stranger")
with mlflow.start_run() as run:
    mlflow.log_artifact("block.bin", "tief/ä b")
for path in ("tief/ä b/block.bin", "tief"):
    back = pathlib.Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=path))
    file = back if back.is_file() else back / "ä b" / "block.bin"
    print(file.read_bytes() == pathlib.Path("block.bin").read_bytes())
"""
_MLFLOW_TEXT = """
import json, sys, mlflow
words = sys.argv[1]
experiment = mlflow.set_experiment(f"experiment {words}")
with mlflow.start_run(run_name=words, description=words) as run:
    mlflow.log_param("text", words)
    mlflow.set_tag("größe", words)
back = mlflow.get_run(run.info.run_id)
by_tag = mlflow.search_runs(filter_string=f"tags.`größe` = '{words}'", output_format="list")
by_name = mlflow.search_runs(filter_string="attributes.run_name ILIKE 'GRÖSSE%'".replace("SS", "ß"),
                             output_format="list")
print(json.dumps([back.info.run_name, back.data.params["text"], back.data.tags["größe"],
                  run.info.run_id in [each.info.run_id for each in by_tag],
                  run.info.run_id in [each.info.run_id for each in by_name]]))
"""
_PIPELINES_TEXT = """
import json, os, sys, kfp
from kfp import dsl
host, image, words = sys.argv[1:]

@dsl.component(base_image=image, install_kfp_package=False)
def echo(text: str) -> str:
    return text

@dsl.component(base_image=image, install_kfp_package=False)
def must_be(found: str, wanted: str):
    assert found == wanted, (found, wanted)

@dsl.pipeline(name="any-text", description=words)
def pipeline(text: str, wanted: str):
    must_be(found=echo(text=text).output, wanted=wanted)

client = kfp.Client(host=host, existing_token=os.environ.get("MLFLOW_TRACKING_TOKEN"),
                    ssl_ca_cert=os.environ.get("REQUESTS_CA_BUNDLE"))
made = client.create_run_from_pipeline_func(
    pipeline, arguments={"text": words, "wanted": words}, run_name=words,
    experiment_name=f"experiment {words}", enable_caching=False)
run = client.wait_for_run_completion(made.run_id, timeout=240, sleep_duration=2)
wanted = {"predicates": [{"operation": "EQUALS", "key": "name", "stringValue": words}]}
found = client.list_runs(filter=json.dumps(wanted), page_size=50).runs or []
print(json.dumps([run.state, run.display_name, run.runtime_config.parameters["text"],
                  made.run_id in [each.run_id for each in found],
                  client.get_experiment(experiment_name=f"experiment {words}").display_name]))
"""


def test_the_champion_is_loaded_anywhere_and_predicts_what_the_service_does(
    endpoints: Endpoints, tmp_path: Path
) -> None:
    row = [[13.0, 2.1, 2.3, 19.0, 101.0, 2.2, 2.0, 0.35, 1.5, 4.9, 0.97, 2.6, 740.0]]
    uri = stranger.tracking_uri(endpoints)
    service = uri.replace(endpoints.tracking_host, endpoints.model_host("wine"))
    printed = stranger.run(
        endpoints,
        _LOAD,
        tmp_path,
        json.dumps(row),
        f"{service}/v1/models/wine:predict",
        MLFLOW_TRACKING_URI=uri,
    )
    assert float(printed.splitlines()[-1]) < 1e-9


def test_artifacts_travel_both_ways_byte_for_byte(endpoints: Endpoints, tmp_path: Path) -> None:
    # More than one part of an upload.
    (tmp_path / "block.bin").write_bytes(os.urandom(20 << 20))
    uri = stranger.tracking_uri(endpoints)
    printed = stranger.run(endpoints, _ARTIFACTS, tmp_path, MLFLOW_TRACKING_URI=uri)
    assert [line for line in printed.splitlines() if line in {"True", "False"}] == ["True", "True"]


def test_any_text_comes_back_from_mlflow(endpoints: Endpoints, tmp_path: Path) -> None:
    uri = stranger.tracking_uri(endpoints)
    printed = stranger.run(endpoints, _MLFLOW_TEXT, tmp_path, _WORDS, MLFLOW_TRACKING_URI=uri)
    found = json.loads(next(line for line in printed.splitlines() if line.startswith("[")))
    assert found == [_WORDS, _WORDS, _WORDS, True, True]


@pytest.mark.slow
def test_any_text_comes_back_from_pipelines(endpoints: Endpoints, tmp_path: Path) -> None:
    host = stranger.tracking_uri(endpoints).replace(endpoints.tracking_host, endpoints.pipelines_host)
    printed = stranger.run(endpoints, _PIPELINES_TEXT, tmp_path, host, endpoints.workload_image, _WORDS)
    found = json.loads(next(line for line in printed.splitlines() if line.startswith("[")))
    assert found == ["SUCCEEDED", _WORDS, _WORDS, True, f"experiment {_WORDS}"]
