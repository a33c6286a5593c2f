import pytest

from components.aws.karpenter_rights import Scope, rights
from components.aws.pod_identity import Statement

SCOPE = Scope(cluster_name="here", account="123456789012", region="eu-central-1")
OWNED = "kubernetes.io/cluster/here"


@pytest.fixture(scope="module")
def statements() -> tuple[Statement, ...]:
    return rights(
        SCOPE, "arn:aws:iam::123456789012:role/nodes", "arn:aws:sqs:eu-central-1:123456789012:queue"
    )


def of(statements: tuple[Statement, ...], action: str) -> list[Statement]:
    return [each for each in statements if action in each.actions]


def test_what_it_makes_carries_the_tags_of_its_cluster(statements: tuple[Statement, ...]) -> None:
    made = [each for each in of(statements, "ec2:RunInstances") if "instance/*" in str(each.resources)]
    ((statement),) = made
    assert statement.conditions["StringEquals"][f"aws:RequestTag/{OWNED}"] == "owned"
    assert statement.conditions["StringEquals"]["aws:RequestTag/eks:eks-cluster-name"] == "here"


def test_it_ends_instances_of_its_own_cluster_alone(statements: tuple[Statement, ...]) -> None:
    ((statement),) = of(statements, "ec2:TerminateInstances")
    assert statement.conditions["StringEquals"] == {f"aws:ResourceTag/{OWNED}": "owned"}
    assert statement.conditions["StringLike"] == {"aws:ResourceTag/karpenter.sh/nodepool": "*"}


def test_tags_are_set_on_what_it_makes_or_owns_and_no_other(statements: tuple[Statement, ...]) -> None:
    for each in of(statements, "ec2:CreateTags"):
        assert any(OWNED in key for key in each.conditions["StringEquals"]), each


def test_only_looking_knows_no_resource(statements: tuple[Statement, ...]) -> None:
    for each in statements:
        if "*" in each.resources:
            verbs = [action.partition(":")[2] for action in each.actions]
            assert all(verb.startswith(("Describe", "Get", "List")) for verb in verbs)
            assert each.why_any_resource


def test_everything_it_makes_is_in_its_region(statements: tuple[Statement, ...]) -> None:
    for each in of(statements, "ec2:CreateFleet"):
        assert all(":eu-central-1:" in str(resource) for resource in each.resources)


def test_the_role_is_handed_to_instances_alone(statements: tuple[Statement, ...]) -> None:
    ((statement),) = of(statements, "iam:PassRole")
    assert statement.resources == ("arn:aws:iam::123456789012:role/nodes",)
    assert statement.conditions == {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
