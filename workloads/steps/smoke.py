"""Step: predict every held-back row with a version, through the gateway, compare, and roll it out."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false

from typing import Any, NamedTuple

from kfp import dsl

from workloads import contract
from workloads.serving import model_rollout, request_parts
from workloads.serving.model_rollout import SERVES
from workloads.serving.request_parts import column_inputs, in_parts, instances, matrix_input
from workloads.steps import WORKLOAD_IMAGE, rolling_out
from workloads.steps.embedding import embed
from workloads.steps.rolling_out import delete_version, roll_out


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def smoke(  # noqa: C901, PLR0915 - a step is one function
    held_back: dsl.Input[dsl.Dataset],
    model_name: str,
    model_version: str,
    model_digest: str,
    candidate: bool,
    reason: str = "",
    replay: bool = True,
) -> NamedTuple("Smoked", [("rows", int), ("largest_difference", float)]):
    """Require the answers of training time to every row, by both protocols, then ask for its rollout.

    Until then the version gets none of its model's requests, so one that answers otherwise is deleted and no
    caller has noticed it. A candidate is compared as strictly, and waits for a rollout by somebody else.

    Args:
        held_back: JSON with the held-back rows and their predictions at training time.
        model_name: The registered model.
        model_version: The version that must answer.
        model_digest: Digest of the files that the predictor must have loaded.
        candidate: Whether it waits for a rollout by somebody else.
        reason: Why there is a new version, for the record; empty if nobody says more than the run.
        replay: Whether its rollout requires the answers of the version before it to recorded rows.
    """
    import json
    import os
    import time
    from pathlib import Path

    import numpy as np
    import requests

    evidence = json.loads(Path(held_back.path).read_text())
    rows, features = evidence["rows"], evidence["features"]
    classes, kinds = evidence["classes"], evidence.get("kinds", [])
    tolerance = evidence.get("tolerance", 1e-9)
    expected = np.array(evidence["probabilities"] if classes else evidence["predicted"])
    url = os.environ["PLINTH_GATEWAY_URL"]
    domain = os.environ["PLINTH_GATEWAY_DOMAIN"]
    namespace = os.environ["PLINTH_MODELS_NAMESPACE"]
    session = requests.Session()
    # Same rule as workloads.serving.inference_service.version_service.
    session.headers["Host"] = f"{model_name}-v{model_version}-{namespace}.{domain}"
    # Where the platform has a login; same path as workloads.contract.STEP_TOKEN.
    token = Path("/var/run/secrets/plinth/token")
    if token.is_file():
        session.headers["Authorization"] = f"Bearer {token.read_text().strip()}"

    def wait_for(digest: str) -> None:
        # A route is in force a moment after it is accepted: require five answers in a row.
        answers = "nothing"
        in_a_row = 0
        deadline = time.monotonic() + 120
        while in_a_row < 5:
            try:
                response = session.get(f"{url}/v1/models/{model_name}", timeout=10)
                answers = (
                    response.json().get("model_digest", "no digest")
                    if response.ok
                    else f"HTTP {response.status_code}"
                )
            except (requests.RequestException, ValueError) as error:
                answers = type(error).__name__
            in_a_row = in_a_row + 1 if answers == digest else 0
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"model {model_name}: not digest {digest} but {answers} answers after 120 s"
                )
            time.sleep(0.2)

    def ask(path: str, body: Any) -> Any:
        response = session.post(f"{url}{path}", json=body, timeout=60)
        if not response.ok:
            raise RuntimeError(
                f"model {model_name}: HTTP {response.status_code} for held-back rows: {response.text[:200]}"
            )
        return response.json()

    def compare(protocol: str, answers: list[Any], wanted: Any) -> float:
        served = np.array(answers, dtype=float).reshape(wanted.shape)
        # Quantities may be large: their difference counts in proportion.
        difference = float((np.abs(served - wanted) / np.maximum(1.0, np.abs(wanted))).max())
        wrong = int((served.argmax(axis=1) != wanted.argmax(axis=1)).sum()) if classes else 0
        if wrong or not difference <= tolerance:
            what = f"{wrong} classes differ, probabilities" if classes else "predictions differ"
            raise RuntimeError(f"model {model_name}: {protocol}: {what} by {difference:.3g}")
        return difference

    def by_v1() -> float:
        answers = []
        for part in in_parts(instances(rows, features, kinds)):
            answers += ask(f"/v1/models/{model_name}:predict", {"instances": part})["predictions"]
        return compare("v1", answers, expected)

    def by_v2() -> float:
        whole = [at for at, row in enumerate(rows) if None not in row]
        if kinds:
            # v2 has no missing values, and some runtimes describe no columns.
            described = session.get(f"{url}/v2/models/{model_name}", timeout=10).json().get("inputs", [])
            if not whole or [each["name"] for each in described] != features:
                return 0.0
        answers = []
        for part in in_parts([rows[at] for at in whole]):
            body = column_inputs(part, features, kinds) if kinds else matrix_input(part)
            answers += ask(f"/v2/models/{model_name}/infer", body)["outputs"][0]["data"]
        return compare("v2", answers, expected[whole])

    try:
        wait_for(model_digest)
        largest = max(by_v1(), by_v2())
    except Exception:
        delete_version(namespace, model_name, model_version)
        raise
    # Where the stack rolls out in steps, the callers' requests decide, after this run.
    if (
        not candidate
        and roll_out(namespace, model_name, model_version, model_digest, reason, replay=replay) in SERVES
    ):
        session.headers["Host"] = f"{model_name}-{namespace}.{domain}"
        wait_for(model_digest)
    return len(rows), largest


embed(smoke, contract, request_parts, model_rollout, rolling_out)
