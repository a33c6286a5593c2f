"""Experiments on live traffic: labels name the better of two versions, or find no difference that matters."""

import hashlib
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from harness import chain
from harness.prometheus import Prometheus
from tests.e2e.recorded import wait_until_stored
from tests.e2e.retrainings import none_begins
from tests.e2e.rolling import MODEL, ended, roll_out, serving
from workloads import history, lineage, object_store, pipeline_runs, rollouts
from workloads.contract import PAYLOADS_BUCKET
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.gateway_access import direct_session
from workloads.serving import model_route
from workloads.serving.deployment import deploy_version, registered_version
from workloads.serving.inference_services import InferenceServices
from workloads.serving.model_rollout import ENDED, Phase, rollout_phase, rollout_reason
from workloads.serving.model_rollouts import ModelRollouts
from workloads.tracking import connect
from workloads.wait import wait_for

# Trains a model, and waits for labels for minutes.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nothing_under_way")]

_UNITS = 700
_REQUESTS_OF_UNIT = 2
_BEGIN_SECONDS = 120
_VERDICT_SECONDS = 300
_ASKED: Mapping[str, Any] = {"metric": "accuracy", "minimumEffect": 0.15, "maxSeconds": 1200}


@dataclass(frozen=True)
class _Answered:
    """One request of a caller."""

    identity: str
    unit: str
    digest: str
    """Of the version that answered."""
    predicted: int
    """Place of the class with the largest probability."""


@dataclass(frozen=True)
class _End:
    """How an experiment ends."""

    right_new: float
    """Share of its answers for which labels say that the new version was right."""
    right_former: float
    phase: Phase
    verdict: str
    reason: str


@pytest.fixture(scope="module")
def rows() -> list[list[float]]:
    """Rows that callers send."""
    from sklearn.datasets import load_wine

    found: Any = load_wine()
    return found.data.tolist()


@pytest.fixture(scope="module")
def other_version(endpoints: Endpoints) -> str:
    """A version with other files than the one that serves; it waits for a rollout."""
    served = lineage.trace(endpoints, MODEL).served
    training: Any = connect(endpoints).get_run(served.mlflow_run_id)
    other = 2.5 if float(training.data.params["regularization"]) != 2.5 else 0.7
    run = chain.run(endpoints, MODEL, regularization=other, candidate=True)
    assert run.state == pipeline_runs.SUCCEEDED
    return str(max(chain.versions(endpoints, MODEL)))


@pytest.fixture
def former(endpoints: Endpoints) -> Generator[str]:
    """The version that serves before and after the test."""
    version = serving(endpoints)
    yield version
    rolling = ModelRollouts(endpoints)
    for each in rolling.of_model(MODEL):
        if rollout_phase(each) not in ENDED:
            rolling.abort(each["metadata"]["name"])
            rolling.wait(each["metadata"]["name"], ENDED, timeout_seconds=120)
    if {*InferenceServices(endpoints).weights(MODEL)} == {version}:
        return
    name = roll_out(endpoints, version, _digest(endpoints, version), steps=[], shadowRows=0)
    deploy_version(endpoints, MODEL, version)
    rolling.wait(name, ENDED, timeout_seconds=240)


def _digest(endpoints: Endpoints, version: str) -> str:
    return registered_version(endpoints, MODEL, version).model_digest


def _classes(endpoints: Endpoints) -> list[str]:
    """Return the classes in the order of the model's probabilities."""
    host = endpoints.model_host(MODEL)
    with direct_session(endpoints, host) as session:
        found = session.get(f"{endpoints.url(host)}/v2/models/{MODEL}", timeout=30)
    return [str(each) for each in json.loads(found.json()["properties"]["classes"])]


def _experiment(endpoints: Endpoints, version: str) -> str:
    """Ask for an experiment at half of the requests, and return its rollout once its rows count."""
    record = deploy_version(endpoints, MODEL, version)
    name = roll_out(endpoints, version, record.model_digest, steps=[], shadowRows=0, experiment=dict(_ASKED))
    rolling = ModelRollouts(endpoints)

    def begun() -> str | None:
        found = rolling.get(name)
        if rollout_phase(found) in ENDED:
            raise WorkloadsError(rollout_reason(found))
        begun_at = found.get("status", {}).get("experiment", {}).get("begunAt", "")
        if not begun_at or datetime.fromisoformat(begun_at) > datetime.now(UTC):
            return rollout_reason(found)
        return None

    wait_for("the experiment", begun, timeout_seconds=_BEGIN_SECONDS, interval_seconds=1)
    return name


def _asked(endpoints: Endpoints, rows: list[list[float]]) -> list[_Answered]:
    """Send requests of many units as callers do."""
    host = endpoints.model_host(MODEL)
    url = f"{endpoints.url(host)}/v1/models/{MODEL}:predict"
    found: list[_Answered] = []
    with direct_session(endpoints, host) as session:
        for at in range(_UNITS * _REQUESTS_OF_UNIT):
            unit = hashlib.sha256(f"caller {at % _UNITS}".encode()).hexdigest()
            name = uuid.uuid4().hex
            answer = session.post(
                url,
                json={"instances": [rows[at % len(rows)]]},
                headers={"X-Request-Id": name, "X-Experiment-Unit": unit},
                timeout=30,
            )
            assert answer.status_code == 200, answer.text[:200]
            (probabilities,) = answer.json()["predictions"]
            digest = answer.headers["x-model-digest"]
            found.append(_Answered(name, unit, digest, probabilities.index(max(probabilities))))
    return found


@contextmanager
def _labelled(
    endpoints: Endpoints, answers: list[_Answered], right: Mapping[str, float], classes: list[str]
) -> Generator[None]:
    """Upload labels by which each version was right in a share of its answers."""
    draw = random.Random(7)  # noqa: S311 - labels, not secrets
    lines: list[str] = []
    for each in answers:
        is_right = draw.random() < right[each.digest]
        place = each.predicted if is_right else (each.predicted + 1) % len(classes)
        label = {"groundTruthData": {"data": classes[place]}, "eventMetadata": {"eventId": each.identity}}
        lines.append(json.dumps(label))
    store = object_store.pipelines_store(endpoints)
    key = f"{endpoints.models_namespace}/{MODEL}/labels/experiment-{uuid.uuid4().hex[:8]}.jsonl"
    # Wrong answers of the serving version raise an alert of their own.
    with none_begins(endpoints, MODEL):
        store.put_object(Bucket=PAYLOADS_BUCKET, Key=key, Body="\n".join(lines).encode())
        try:
            yield
        finally:
            store.delete_object(Bucket=PAYLOADS_BUCKET, Key=key)


def _assigned(answers: list[_Answered], new: str) -> None:
    """Assert that each unit has met one version, by its digest, and about half of them the new one."""
    digests: dict[str, set[str]] = {}
    for each in answers:
        digests.setdefault(each.unit, set()).add(each.digest)
    assert {len(each) for each in digests.values()} == {1}
    met_new = {
        unit for unit, (digest,) in ((unit, tuple(each)) for unit, each in digests.items()) if digest == new
    }
    assert met_new == {unit for unit in digests if int(unit[:2], 16) < 128}


# The better version is the last: it serves until the fixture takes the other one back.
_ENDS = (
    _End(0.7, 0.95, Phase.ROLLED_BACK, "worse", "is worse: accuracy"),
    _End(0.8, 0.8, Phase.ROLLED_BACK, "no difference", "makes no difference larger than 0.15: accuracy"),
    _End(0.95, 0.7, Phase.PROMOTED, "better", "it is better: accuracy"),
)


@pytest.mark.parametrize("end", _ENDS, ids=lambda each: each.verdict)
def test_labels_decide_which_version_serves(
    endpoints: Endpoints,
    rows: list[list[float]],
    other_version: str,
    former: str,
    record_property: Callable[[str, object], None],
    end: _End,
) -> None:
    target = other_version if other_version != former else str(min(chain.versions(endpoints, MODEL)))
    new, old = _digest(endpoints, target), _digest(endpoints, former)
    name = _experiment(endpoints, target)
    classes = _classes(endpoints)
    asked_at = datetime.now(UTC)
    answers = _asked(endpoints, rows)
    _assigned(answers, new)
    # A verdict may come by half of the rows: all of them are there before the first label.
    wait_until_stored(endpoints, MODEL, (target, former), {each.identity for each in answers}, began=asked_at)
    uploaded = time.monotonic()
    with _labelled(endpoints, answers, {new: end.right_new, old: end.right_former}, classes):
        rollout = ended(endpoints, name, seconds=_VERDICT_SECONDS)
    seconds = time.monotonic() - uploaded
    assert rollout_phase(rollout) is end.phase, rollout_reason(rollout)
    assert end.reason in rollout_reason(rollout), rollout_reason(rollout)
    found = rollout["status"]["experiment"]
    assert found["verdict"] == end.verdict
    assert found["needed"].startswith("about ")
    by_digest = Counter(each.digest for each in answers)
    assert (found["challenger"]["rows"], found["champion"]["rows"]) == (by_digest[new], by_digest[old])
    assert found["challenger"]["units"] + found["champion"]["units"] == _UNITS
    assert abs(found["challenger"]["mean"] - end.right_new) < 0.08
    assert abs(found["champion"]["mean"] - end.right_former) < 0.08
    assert serving(endpoints) == (target if end.phase is Phase.PROMOTED else former)
    _assert_on_record(endpoints, name, target, end.verdict)
    record_property(f"experiment ({end.verdict}): seconds from labels to the end", f"{seconds:.0f}")


def _assert_on_record(endpoints: Endpoints, name: str, version: str, verdict: str) -> None:
    """Assert that tags, history and Prometheus have the result."""
    mlflow = connect(endpoints)

    def tagged() -> str | None:
        tags: Any = mlflow.get_model_version(MODEL, version).tags
        if f"rollout.{name}" not in tags:
            return "no record yet"
        assert tags["experiment.verdict"] == verdict
        assert json.loads(tags[f"rollout.{name}"])["experiment"]["verdict"] == verdict
        return None

    wait_for("the record", tagged, timeout_seconds=60, interval_seconds=2)
    lines = history.lines(
        next(
            each
            for each in history.records([(version, mlflow.get_model_version(MODEL, version).tags)])
            if each.rollout == name
        )
    )
    assert lines[-1].startswith("  experiment: accuracy ")
    if not endpoints.prometheus_host:
        return
    labels = f'namespace="{endpoints.models_namespace}",model_name="{MODEL}",version="{version}"'
    with closing(Prometheus(endpoints)) as prometheus:

        def shown() -> str | None:
            samples = prometheus.samples(f"plinth_experiment_verdict{{{labels}}} == 1")
            found = {each["verdict"] for each, _ in samples}
            return None if found == {verdict} else f"{found}"

        wait_for("the verdict in Prometheus", shown, timeout_seconds=90, interval_seconds=3)


def test_a_route_of_an_experiment_that_somebody_changes_is_put_back_and_an_abort_ends_it(
    endpoints: Endpoints, other_version: str, former: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from kubernetes import client

    from workloads import __main__ as command
    from workloads import cluster_client

    target = other_version if other_version != former else str(min(chain.versions(endpoints, MODEL)))
    name = _experiment(endpoints, target)
    api: Any = client.CustomObjectsApi(cluster_client.connect(endpoints.kubeconfig))
    place = (*model_route.API, endpoints.models_namespace, model_route.PLURAL, model_route.name(MODEL))
    rules = api.get_namespaced_custom_object(*place)["spec"]["rules"]
    assert len(rules) == 3
    api.patch_namespaced_custom_object(*place, {"spec": {"rules": rules[2:]}})

    def put_back() -> str | None:
        found = api.get_namespaced_custom_object(*place)["spec"]["rules"]
        return None if found == rules else f"{len(found)} rules"

    wait_for("the route", put_back, timeout_seconds=20, interval_seconds=1)
    options = command._options(["rollout", MODEL, "status"])  # pyright: ignore[reportPrivateUsage]
    assert rollouts.run(endpoints, options) == 0
    assert "  experiment needs: about " in capsys.readouterr().out
    ModelRollouts(endpoints).abort(name)
    rollout = ended(endpoints, name, seconds=60)
    assert (rollout_phase(rollout), serving(endpoints)) == (Phase.ROLLED_BACK, former)


def test_an_effect_that_no_accuracy_can_have_is_refused_by_the_api(endpoints: Endpoints) -> None:
    with pytest.raises(WorkloadsError, match="minimumEffect is no difference of accuracies"):
        roll_out(endpoints, "1", "0" * 64, experiment={"metric": "accuracy", "minimumEffect": 1})


def test_a_metric_that_does_not_fit_the_model_meets_no_caller(
    endpoints: Endpoints, other_version: str, former: str
) -> None:
    target = other_version if other_version != former else str(min(chain.versions(endpoints, MODEL)))
    record = deploy_version(endpoints, MODEL, target)
    asked = {"metric": "squaredError", "minimumEffect": 1.0}
    rollout = ended(endpoints, roll_out(endpoints, target, record.model_digest, experiment=asked))
    assert rollout_phase(rollout) is Phase.ROLLED_BACK
    assert "experiment.metric: squaredError is of quantities" in rollout_reason(rollout)
    assert rollout["status"].get("counts", []) == []
