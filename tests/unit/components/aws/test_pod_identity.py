import dataclasses

import pytest
from pulumi import ResourceOptions

from components.aws.pod_identity import IdentityScope, PodIdentity, PodIdentityArgs, Statement
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules
from tests.unit.components.aws import policies

READ = Statement(actions=("s3:GetObject",), resources=("arn:aws:s3:::models/*",))
ARGS = PodIdentityArgs(
    scope=IdentityScope(cluster_name="plinth-prod", namespace="models"),
    service_account="model-storage",
    statements=(READ,),
    tags={"stack": "prod"},
)


def deployed(*, preview: bool = False, **changes: object) -> Deployment[PodIdentity]:
    args = dataclasses.replace(ARGS, **changes)  # pyright: ignore[reportArgumentType]
    return deploy(lambda: PodIdentity("reader", args), preview=preview)


def test_everything_uses_the_one_provider() -> None:
    policies.assert_one_provider(lambda name, opts: PodIdentity(name, ARGS, opts))


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_tagged_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "PodIdentity")
    policies.assert_tagged(deployment, {"stack": "prod"})
    policies.assert_least_privilege(deployment)


def test_only_this_service_account_of_this_cluster_may_take_the_role() -> None:
    (statement,) = policies.statements(deployed().one("Role").inputs["assumeRolePolicy"])
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert statement["Condition"] == {
        "StringEquals": {
            "aws:RequestTag/eks-cluster-name": "plinth-prod",
            "aws:RequestTag/kubernetes-namespace": "models",
            "aws:RequestTag/kubernetes-service-account": "model-storage",
        }
    }


def test_the_role_may_do_what_was_asked_for_and_nothing_else() -> None:
    assert policies.allowed(deployed().one("RolePolicy").inputs["policy"]) == {
        "s3:GetObject": ["arn:aws:s3:::models/*"]
    }


def test_conditions_reach_the_policy() -> None:
    condition = {"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}}
    limited = Statement(actions=("kms:Decrypt",), resources=("arn:aws:kms:::key/1",), conditions=condition)
    (statement,) = policies.statements(deployed(statements=(limited,)).one("RolePolicy").inputs["policy"])
    assert statement["Condition"] == condition


def test_the_role_is_given_to_the_service_account_when_it_has_its_rights() -> None:
    deployment = deployed()
    association = deployment.one("PodIdentityAssociation")
    assert {"reader-role", "reader-rights"} <= rules.before(deployment, association)
    assert association.inputs["namespace"] == "models"
    assert association.inputs["serviceAccount"] == "model-storage"
    assert association.inputs["roleArn"] == "arn:aws:iam:eu-central-1:123456789012:reader-role"
    assert deployment.output("reader")["service_account"] == "model-storage"


@pytest.mark.parametrize("action", ["*", "s3:*", "s3", "s3:", "s3:**"])
def test_an_action_that_is_everything_is_refused(action: str) -> None:
    with pytest.raises(ValueError, match="is everything; name the actions"):
        Statement(actions=(action,), resources=("arn:aws:s3:::models",))


def test_every_resource_needs_a_reason() -> None:
    with pytest.raises(ValueError, match=r"'\*' is every resource"):
        Statement(actions=("ec2:Describe*",), resources=("*",))
    reason = "EC2 describes nothing by name"
    assert Statement(actions=("ec2:Describe*",), resources=("*",), why_any_resource=reason).resources


def test_rights_to_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="say what model-storage may do"):
        dataclasses.replace(ARGS, statements=())
    with pytest.raises(ValueError, match="one of the two is empty"):
        Statement(actions=("s3:GetObject",), resources=())


def test_what_protects_data_does_not_protect_an_identity() -> None:
    protected = ResourceOptions(protect=True, retain_on_delete=True)
    deployment = deploy(lambda: PodIdentity("reader", ARGS, protected))
    children = [each for each in deployment.registrations if each.type.startswith("aws:")]
    assert len(children) == 3
    assert not any(each.protect or each.retain_on_delete for each in children)
