"""Kubeflow's SDK, unmodified, trains on several nodes from a step of an ordinary pipeline."""

# kfp's types do not say that a component takes its function's parameters and has outputs.
# pyright: reportCallIssue=false, reportAttributeAccessIssue=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

import pytest
from kfp import dsl

from infra.settings.stack import Settings
from tests.e2e.strangers_pipelines import Stranger
from workloads.endpoints import Endpoints

pytestmark = [pytest.mark.slow, pytest.mark.pipelines]

SDK = "kubeflow==0.5.0"
_SECONDS = 600


@dsl.component(base_image="python:3.11", packages_to_install=[SDK])
def train_with_the_sdk() -> str:
    """Train with the example of upstream's documentation; return what node 0 printed."""
    from kubeflow.trainer import CustomTrainer, TrainerClient

    def boost() -> None:
        import os

        import numpy as np
        import xgboost
        from xgboost import collective
        from xgboost.tracker import RabitTracker

        node, nodes = int(os.environ["DMLC_TASK_ID"]), int(os.environ["DMLC_NUM_WORKER"])
        host, port = os.environ["DMLC_TRACKER_URI"], int(os.environ["DMLC_TRACKER_PORT"])
        tracker = None
        if node == 0:
            tracker = RabitTracker(host_ip="0.0.0.0", n_workers=nodes, port=port)  # noqa: S104 - a pod
            tracker.start()
        with collective.CommunicatorContext(
            dmlc_tracker_uri=host, dmlc_tracker_port=port, dmlc_task_id=str(node), dmlc_retry=16
        ):
            rows = np.random.default_rng(node).normal(size=(500, 4))
            matrix = xgboost.QuantileDMatrix(rows, label=(rows[:, 0] > 0).astype(int))
            trees = xgboost.train({"objective": "binary:logistic"}, matrix, 10)
            wrong = ((trees.predict(matrix) > 0.5) != (rows[:, 0] > 0)).mean()
            print("of", collective.get_world_size(), "nodes:", trees.num_boosted_rounds(), "rounds,", wrong)
        if tracker is not None:
            tracker.wait_for()

    client = TrainerClient()
    names = [runtime.name for runtime in client.list_runtimes()]
    name = client.train(trainer=CustomTrainer(func=boost, num_nodes=2), runtime="xgboost-distributed")
    client.wait_for_job_status(name, timeout=400)
    lines = [line for line in client.get_job_logs(name) if line.startswith("of ")]
    client.delete_job(name)
    return f"{names}: {lines}"


@dsl.component
def must_be(found: str, wanted: str) -> None:
    """Fail unless both are equal."""
    if found != wanted:
        raise ValueError(f"{found!r} instead of {wanted!r}")


@dsl.pipeline(name="train-with-the-sdk")
def trained_with_the_sdk() -> None:
    """Train, and compare what was printed."""
    wanted = "['xgboost-distributed']: ['of 2 nodes: 10 rounds, 0.0']"
    must_be(found=train_with_the_sdk().set_memory_limit("512Mi").output, wanted=wanted)


def test_the_sdk_trains_on_two_nodes_from_a_step(
    endpoints: Endpoints, settings: Settings, stack: str
) -> None:
    if not settings.training.enabled:
        pytest.skip(f"stack {stack} trains on one node: `make up STACK=full`, then STACK=full")
    named = [each.name for each in settings.teams if each.pipelines]
    stranger = Stranger(endpoints=Endpoints.of_stack(stack, named[0]) if named else endpoints)
    run = stranger.ended(stranger.start(trained_with_the_sdk), timeout_seconds=_SECONDS)
    assert run.state == "SUCCEEDED", run.error
