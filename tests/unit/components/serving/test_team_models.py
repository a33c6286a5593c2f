"""Models of a team have in its namespace what those of the stack have in theirs."""

import pytest

from components.serving.model_namespace import ModelNamespaceArgs
from components.serving.team_models import TeamModels, TeamModelsArgs
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules, sample


def deployed(*, preview: bool = False) -> Deployment[TeamModels]:
    models = ModelNamespaceArgs(
        controller_namespace="kserve",
        gateway=sample.GATEWAY,
        artifacts=sample.artifacts(),
        stores=(network_policies.in_namespace("object-store"),),
        reserved=("pipelines",),
    )
    args = TeamModelsArgs(namespace="research", models=models)
    return deploy(lambda: TeamModels("models-research", args), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "TeamModels")
    rules.assert_labelled(deployment)
    rules.assert_no_secret_in_clear(deployment, "artifact-secret")


def test_the_controller_may_make_models_in_the_teams_namespace() -> None:
    binding = deployed().one("RoleBinding", "models-research-controller-models-binding").inputs
    assert binding["metadata"]["namespace"] == "research"
    (subject,) = binding["subjects"]
    assert (subject["namespace"], subject["name"]) == ("kserve", "kserve-controller-manager")


def test_a_model_whose_host_would_be_that_of_the_pipelines_is_refused() -> None:
    policy = deployed().one("ValidatingAdmissionPolicy").inputs["spec"]
    namespaces = policy["matchConstraints"]["namespaceSelector"]["matchLabels"]
    assert namespaces == {"kubernetes.io/metadata.name": "research"}
    assert policy["validations"][0] == {
        "expression": "!(object.metadata.name in ['pipelines'])",
        "message": "no model is called pipelines: its host would be another's",
    }
