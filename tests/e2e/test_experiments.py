"""Experiments on live traffic: labels name the better of two versions, or find no difference that matters."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from harness.prometheus import Prometheus
from tests.e2e import labelled, rolling
from tests.e2e.labelled import Answered
from tests.e2e.recorded import wait_until_stored
from tests.e2e.retrainings import none_begins
from tests.e2e.rolling import MODEL, ended, roll_out, serving
from workloads import history, rollouts
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving import model_route
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


@pytest.fixture
def other_version(endpoints: Endpoints, former: str) -> str:
    """A version with other files than the one that serves; it waits for a rollout."""
    found = rolling.other_version(endpoints)
    assert found != former
    return found


def _experiment(endpoints: Endpoints, version: str) -> str:
    """Ask for an experiment at half of the requests, and return its rollout once its rows count."""
    name = rolling.begin(endpoints, version, steps=[], shadowRows=0, experiment=dict(_ASKED))
    rollouts_of = ModelRollouts(endpoints)

    def begun() -> str | None:
        found = rollouts_of.get(name)
        if rollout_phase(found) in ENDED:
            raise WorkloadsError(rollout_reason(found))
        begun_at = found.get("status", {}).get("experiment", {}).get("begunAt", "")
        if not begun_at or datetime.fromisoformat(begun_at) > datetime.now(UTC):
            return rollout_reason(found)
        return None

    wait_for("the experiment", begun, timeout_seconds=_BEGIN_SECONDS, interval_seconds=1)
    return name


@contextmanager
def _labelled(
    endpoints: Endpoints, answers: list[Answered], right: Mapping[str, float], classes: list[str]
) -> Generator[None]:
    """Upload labels by which each version was right in a share of its answers."""
    draw = random.Random(7)  # noqa: S311 - labels, not secrets
    labels: dict[str, str] = {}
    for each in answers:
        is_right = draw.random() < right[each.digest]
        place = each.predicted if is_right else (each.predicted + 1) % len(classes)
        labels[each.identity] = classes[place]
    # Wrong answers of the serving version raise an alert of their own.
    with none_begins(endpoints, MODEL), labelled.uploaded(endpoints, labels):
        yield


def _assigned(answers: list[Answered], new: str) -> None:
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
    new, old = rolling.digest_of(endpoints, other_version), rolling.digest_of(endpoints, former)
    name = _experiment(endpoints, other_version)
    classes = labelled.classes(endpoints)
    asked_at = datetime.now(UTC)
    answers = labelled.ask(endpoints, rows, _UNITS * _REQUESTS_OF_UNIT, _UNITS)
    _assigned(answers, new)
    # A verdict may come by half of the rows: all of them are there before the first label.
    identities = {each.identity for each in answers}
    wait_until_stored(endpoints, MODEL, (other_version, former), identities, began=asked_at)
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
    assert serving(endpoints) == (other_version if end.phase is Phase.PROMOTED else former)
    _assert_on_record(endpoints, name, other_version, end.verdict)
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

    name = _experiment(endpoints, other_version)
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
    asked = {"metric": "squaredError", "minimumEffect": 1.0}
    rollout = ended(endpoints, rolling.begin(endpoints, other_version, experiment=asked))
    assert rollout_phase(rollout) is Phase.ROLLED_BACK
    assert "experiment.metric: squaredError is of quantities" in rollout_reason(rollout)
    assert rollout["status"].get("counts", []) == []
