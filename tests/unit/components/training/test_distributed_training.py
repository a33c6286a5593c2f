"""The controllers come after what they may change, and the runtimes after the webhooks that check them."""

import dataclasses
from typing import Any

import pytest

from components.shapes.server_certificate import ServerCertificate
from components.training.distributed_training import DistributedTraining, DistributedTrainingArgs
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

_CERTIFICATE = ServerCertificate(authority="ca", certificate="certificate", key="private-key")
_TRACKING: Any = {"to": [{"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "mlflow"}}}]}
_ARGS = DistributedTrainingArgs(
    namespace="training",
    jobset_image="jobset:0",
    trainer_image="trainer:0",
    nodes_image="plinth/workload:0",
    jobset_certificate=_CERTIFICATE,
    trainer_certificate=_CERTIFICATE,
    runs={"runs": "runs", "research": "research"},
    destinations=(_TRACKING,),
    queues=frozenset({"research"}),
)


def deployed() -> Deployment[DistributedTraining]:
    return deploy(lambda: DistributedTraining("training", _ARGS))


def test_everything_is_labelled_and_below_the_component() -> None:
    deployment = deployed()
    rules.assert_children_of_one_component(deployment, "DistributedTraining")
    rules.assert_labelled(deployment)
    rules.assert_no_secret_in_clear(deployment, "private-key")


def test_each_namespace_of_runs_is_opened_before_the_controllers_start() -> None:
    deployment = deployed()
    for kind in ("JobSetController", "TrainerController"):
        # Children wait until their component is registered.
        before = rules.before(deployment, deployment.one(f"plinth:index:{kind}"))
        assert {f"training-{each}-steps-binding" for each in ("runs", "research")} <= before


def test_trainer_starts_once_jobsets_are_defined_and_runtimes_are_checked_by_it() -> None:
    deployment = deployed()
    trainer = deployment.one("plinth:index:TrainerController")
    assert {"training-jobset-definitions", "training-jobset-manager"} <= rules.before(deployment, trainer)
    runtime = deployment.one("ClusterTrainingRuntime")
    assert {"training-trainer-checks", "training-trainer-defaults"} <= rules.before(deployment, runtime)


def test_quotas_are_read_where_there_are_queues() -> None:
    deployment = deployed()
    assert "clusterqueues" in str(deployment.one("ClusterRole", "training-research-runtimes-role").inputs)
    assert "clusterqueues" not in str(deployment.one("ClusterRole", "training-runs-runtimes-role").inputs)


def test_a_training_that_could_be_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match="runs: none given"):
        dataclasses.replace(_ARGS, runs={})
