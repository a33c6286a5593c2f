import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.aws import service_role
from tests.fixtures.recorder import deploy
from tests.unit.components import rules
from tests.unit.components.aws import policies

TAGS = {"plinth:stack": "here"}


class Logged(pulumi.ComponentResource):
    """Something that acts as the role."""

    def __init__(self) -> None:
        super().__init__("plinth:index:Logged", "logged")
        child = ResourceOptions(parent=self)
        trusted = service_role.trust("vpc-flow-logs.amazonaws.com")
        attachments = {"logged-read": "ReadOnlyAccess", "logged-write": "service-role/Writer"}
        role = service_role.deploy("logged-role", trusted, attachments, tags=TAGS, opts=child)
        aws.ec2.FlowLog("logged-log", iam_role_arn=role.arn, tags=TAGS, opts=child)


def test_who_acts_as_the_role_comes_after_all_its_rights() -> None:
    deployment = deploy(Logged)
    assert {"logged-role", "logged-read", "logged-write"} <= rules.before(
        deployment, deployment.one("FlowLog")
    )
    attached = {each.inputs["policyArn"] for each in deployment.of_type("RolePolicyAttachment")}
    assert attached == {
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "arn:aws:iam::aws:policy/service-role/Writer",
    }


def test_one_service_may_take_the_role() -> None:
    (plain,) = policies.statements(service_role.trust("ec2.amazonaws.com"))
    assert (plain["Principal"], plain["Action"]) == ({"Service": "ec2.amazonaws.com"}, ["sts:AssumeRole"])
    (tagged,) = policies.statements(service_role.trust("eks.amazonaws.com", tags_session=True))
    assert tagged["Action"] == ["sts:AssumeRole", "sts:TagSession"]
