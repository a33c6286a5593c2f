"""Families of models on tables of classes and of quantities, judged by a metric of choice, served exactly."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from harness import chain
from infra.settings.stack import Runtime, Settings
from workloads import datasets, lineage, pipeline_runs
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.inference_client import InferenceClient
from workloads.serving.inference_services import InferenceServices
from workloads.steps.choices import PACKAGES
from workloads.tracking import connect

# Trains models: `make verify` and `make e2e` run it, `make test` does not.
pytestmark = [pytest.mark.slow, pytest.mark.pipelines]

_CLASSES = "size,colour,new,target\n" + "".join(
    f"{at % 7 + 10 * (at % 2)}.5,{('red', '', 'blue')[at % 3]},{at % 2 == 0},{'ab'[at % 2]}\n"
    for at in range(120)
)
_QUANTITY = "x,y,target\n" + "".join(f"{at}.5,{at % 7},{3 * at + at % 7}.25\n" for at in range(120))


@dataclass(frozen=True)
class Case:
    """A run: its table, and what is chosen."""

    content: str
    choices: Mapping[str, Any]

    @property
    def is_boosted(self) -> bool:
        return self.choices["family"] in PACKAGES


CASES: Mapping[str, Case] = {
    "forest-of-classes": Case(
        _CLASSES, {"family": "random_forest", "objective": "roc_auc", "threshold": 0.9}
    ),
    "forest-of-a-quantity": Case(
        _QUANTITY, {"family": "random_forest", "objective": "mae", "threshold": 30.0}
    ),
    "xgboost-of-classes": Case(_CLASSES, {"family": "xgboost", "objective": "f1", "threshold": 0.9}),
    "lightgbm-of-a-quantity": Case(
        _QUANTITY, {"family": "lightgbm", "objective": "rmse", "threshold": 100.0}
    ),
    "below-its-f1": Case(_CLASSES, {"family": "linear", "objective": "f1", "threshold": 1.01}),
}


@pytest.fixture(scope="module")
def run_ids(endpoints: Endpoints) -> dict[str, str]:
    """All runs, submitted together, as each mostly waits."""
    started: dict[str, str] = {}
    for name, case in CASES.items():
        data = chain.upload(endpoints, f"{name}.csv", case.content.encode())
        started[name] = chain.submit(
            endpoints, datasets.prepare(endpoints, data, "target", name=name), **case.choices
        )
    return started


@pytest.mark.parametrize("name", [name for name in CASES if name != "below-its-f1"])
def test_a_model_of_each_family_answers_as_at_training_time_or_is_refused_before_it_is_trained(
    endpoints: Endpoints, run_ids: dict[str, str], settings: Settings, name: str
) -> None:
    case = CASES[name]
    run = chain.wait_until_finished(endpoints, run_ids[name])
    if case.is_boosted and Runtime.BOOSTING not in settings.serving.runtimes:
        family = case.choices["family"]
        assert run.state == "FAILED"
        assert run.reason == (
            f"validate-data: family {family!r}: needs {PACKAGES[family]}, which the runtime 'boosting' has: "
            "add 'boosting' to serving.runtimes in the stack's settings, then deploy the platform again"
        )
        assert "train" not in {step.name for step in run.steps}
        return
    assert run.state == pipeline_runs.SUCCEEDED, run.reason
    traced = lineage.trace(endpoints, name)
    assert lineage.broken_links(traced) == []
    evidence = lineage.read_held_back(endpoints, traced.served.mlflow_run_id)
    assert len(evidence.rows) == 36
    served = InferenceClient(endpoints, name).predict_v1(evidence.instances)
    assert served == evidence.answers if evidence.classes else evidence.largest_difference(served) == 0.0
    evaluation = connect(endpoints).get_run(traced.version_tags["gate.run_id"])
    objective, threshold = case.choices["objective"], case.choices["threshold"]
    side = "minimum" if evidence.classes else "maximum"
    # Kubeflow passes 30.0 on as 30.
    assert float(evaluation.data.tags[f"gate.{side}_{objective}"]) == threshold
    assert (evaluation.data.metrics[objective] >= threshold) == bool(evidence.classes)
    if evidence.classes:
        drawn = {each.path for each in connect(endpoints).list_artifacts(evaluation.info.run_id)}
        assert {"held_back_confusion_matrix.png", "held_back_roc_curve_plot.png"} <= drawn


def test_a_model_below_its_own_threshold_is_neither_registered_nor_served(
    endpoints: Endpoints, run_ids: dict[str, str]
) -> None:
    run = chain.wait_until_finished(endpoints, run_ids["below-its-f1"])
    assert run.state == "FAILED"
    assert run.reason.startswith("evaluate: gate: f1 ")
    assert run.reason.endswith(" is below 1.0100; nothing is registered")
    assert chain.versions(endpoints, "below-its-f1") == []
    assert InferenceServices(endpoints).versions_of("below-its-f1") == []


def test_a_metric_of_the_other_task_is_refused_before_anything_is_submitted(endpoints: Endpoints) -> None:
    with pytest.raises(
        WorkloadsError, match=r"^objective 'rmse': no metric of a classification; there are of a "
    ):
        chain.prepare_and_submit(endpoints, "wine", objective="rmse", threshold=1.0)
