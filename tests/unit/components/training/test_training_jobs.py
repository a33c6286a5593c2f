"""A namespace of runs is opened for trainings, and for nothing more."""

from typing import Any

import pytest

from components.training import jobset_controller, trainer_controller
from components.training.training_jobs import (
    TrainingJobs,
    TrainingJobsArgs,
    node_policy,
    runtime_rules,
    step_rules,
)
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

TRACKING: Any = {"to": [{"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "mlflow"}}}]}


def deployed(queue: str = "") -> Deployment[TrainingJobs]:
    args = TrainingJobsArgs(
        namespace="research", controllers_namespace="training", destinations=(TRACKING,), queue=queue
    )
    return deploy(lambda: TrainingJobs("training-research", args))


def test_everything_is_labelled_and_below_the_component() -> None:
    deployment = deployed()
    rules.assert_children_of_one_component(deployment, "TrainingJobs")
    rules.assert_labelled(deployment)


def test_controllers_of_another_namespace_may_write_in_this_one() -> None:
    deployment = deployed()
    for account in (jobset_controller.ACCOUNT, trainer_controller.ACCOUNT):
        binding = deployment.one("RoleBinding", f"training-research-{account}-binding").inputs
        assert binding["metadata"]["namespace"] == "research"
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": "training"}]


def test_steps_make_trainings_and_change_none() -> None:
    given: Any = step_rules()
    granted = {
        f"{resource}.{rule['api_groups'][0]}": rule["verbs"]
        for rule in given
        for resource in rule["resources"]
    }
    assert granted == {
        "trainjobs.trainer.kubeflow.org": ["get", "list", "watch", "create", "delete"],
        "trainingruntimes.trainer.kubeflow.org": ["get", "list"],
        "pods.": ["list", "watch"],
        "pods/log.": ["get"],
        "resourcequotas.": ["list"],
        "localqueues.kueue.x-k8s.io": ["get"],
        "workloads.kueue.x-k8s.io": ["list"],
    }


@pytest.mark.parametrize(("queue", "named"), [("", []), ("research", [["research"]])])
def test_steps_read_the_quota_of_their_own_team_alone(queue: str, named: list[list[str]]) -> None:
    given: Any = runtime_rules(queue)
    assert [rule["resource_names"] for rule in given if "resource_names" in rule] == named
    found = deployed(queue).one("ClusterRole").inputs["rules"]
    assert [rule["resourceNames"] for rule in found if "resourceNames" in rule] == named


def test_nodes_reach_each_other_and_the_tracking_server_alone() -> None:
    spec = deployed().one("NetworkPolicy").inputs["spec"]
    assert spec["podSelector"] == {"matchLabels": {"plinth.dev/training-node": "true"}}
    together = {"podSelector": {"matchLabels": {"plinth.dev/training-node": "true"}}}
    assert spec["ingress"] == [{"from": [together]}]
    assert spec["egress"][0] == {"to": [together]}
    assert len(spec["egress"]) == 2


def test_nodes_run_as_nobody() -> None:
    policy = node_policy("research")
    assert policy["matchConstraints"]["objectSelector"] == {
        "matchExpressions": [{"key": "jobset.sigs.k8s.io/jobset-name", "operator": "Exists"}]
    }
    assert policy["validations"][0]["expression"] == "object.spec.serviceAccountName == 'default'"
    assert "a training node runs as default" in policy["validations"][0]["messageExpression"]


def test_nodes_that_could_tell_nobody_are_refused() -> None:
    with pytest.raises(ValueError, match="destinations: none given"):
        TrainingJobsArgs(namespace="runs", controllers_namespace="training", destinations=())
