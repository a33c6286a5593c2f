"""Step: predict every held-back row with the served model, through the gateway, and compare."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false

from typing import NamedTuple

from kfp import dsl

from workloads.steps import WORKLOAD_IMAGE


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def smoke(
    held_back: dsl.Input[dsl.Dataset],
    model_name: str,
    model_version: str,
    model_digest: str,
    candidate: bool,
) -> NamedTuple("Smoked", [("rows", int), ("largest_difference", float)]):
    """Require the classes and probabilities of training time, by both protocols; then alias it champion.

    A candidate is compared as strictly, but the promotion gate decides whether it becomes champion.

    Args:
        held_back: JSON with the held-back rows and their predictions at training time.
        model_name: The registered model, and the name of its InferenceService.
        model_version: The version that must answer.
        model_digest: Digest of the files that the predictor must have loaded.
        candidate: Whether it is served as a candidate and does not become champion.
    """
    import json
    import os
    import time
    from pathlib import Path

    import mlflow
    import numpy as np
    import requests

    evidence = json.loads(Path(held_back.path).read_text())
    expected = np.array(evidence["probabilities"])
    url = os.environ["PLINTH_GATEWAY_URL"]
    domain = os.environ["PLINTH_GATEWAY_DOMAIN"]
    session = requests.Session()
    # Same rule as workloads.serving.inference_service.candidate_name.
    service = f"{model_name}-candidate" if candidate else model_name
    session.headers["Host"] = f"{service}-{os.environ['PLINTH_MODELS_NAMESPACE']}.{domain}"

    # Pods of the previous version answer until they are gone: require five answers of the new one in a row.
    answers = "nothing"
    in_a_row = 0
    deadline = time.monotonic() + 120
    while in_a_row < 5:
        try:
            response = session.get(f"{url}/v1/models/{service}", timeout=10)
            answers = (
                response.json().get("model_digest", "no digest")
                if response.ok
                else f"HTTP {response.status_code}"
            )
        except (requests.RequestException, ValueError) as error:
            answers = type(error).__name__
        in_a_row = in_a_row + 1 if answers == model_digest else 0
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"model {model_name}: not digest {model_digest} but {answers} answers after 120 s"
            )
        time.sleep(0.2)

    rows = evidence["rows"]
    shape = [len(rows), len(evidence["features"])]
    tensor = {"name": "input-0", "shape": shape, "datatype": "FP64", "data": np.ravel(rows).tolist()}
    first = session.post(f"{url}/v1/models/{service}:predict", json={"instances": rows}, timeout=60)
    second = session.post(f"{url}/v2/models/{service}/infer", json={"inputs": [tensor]}, timeout=60)
    for response in (first, second):
        if not response.ok:
            raise RuntimeError(
                f"model {model_name}: HTTP {response.status_code} for held-back rows: {response.text[:200]}"
            )
    output = second.json()["outputs"][0]
    largest = 0.0
    for protocol, answer in (("v1", first.json()["predictions"]), ("v2", output["data"])):
        served = np.array(answer, dtype=float).reshape(expected.shape)
        difference = float(np.abs(served - expected).max())
        largest = max(largest, difference)
        wrong = int((served.argmax(axis=1) != expected.argmax(axis=1)).sum())
        if wrong or difference > 1e-9:
            raise RuntimeError(
                f"model {model_name}: {protocol}: {wrong} classes differ, probabilities by {difference:.3g}"
            )
    if not candidate:
        mlflow.MlflowClient().set_registered_model_alias(model_name, "champion", model_version)
    return len(rows), largest
