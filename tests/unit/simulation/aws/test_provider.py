"""The simulated provider without an engine."""

from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

from simulation.aws import wire
from simulation.aws.computed_outputs import Site
from simulation.aws.provider import Account, SimulatedAws

BUCKET = "urn:pulumi:dev::plinth::plinth:index:S3ObjectStore$aws:s3/bucket:Bucket::artifacts"
INSTANCE = "urn:pulumi:dev::plinth::aws:rds/instance:Instance::tracking"


class RefusedError(Exception):
    """The error that gRPC would return."""


class Context:
    def abort(self, code: grpc.StatusCode, details: str) -> None:
        raise RefusedError(f"{code.name}: {details}")


@pytest.fixture
def aws() -> SimulatedAws:
    return SimulatedAws(Site(region="eu-west-1"), Account())


def check(aws: SimulatedAws, urn: str, old: dict[str, Any], **news: Any) -> dict[str, Any]:
    request = provider_pb2.CheckRequest(
        urn=urn, olds=wire.struct(old), news=wire.struct(news), randomSeed=b"seed"
    )
    answer = aws.Check(request, Context())
    assert not answer.failures, answer.failures
    return wire.plain(answer.inputs)


def diff(aws: SimulatedAws, old: dict[str, Any], new: dict[str, Any]) -> Any:
    request = provider_pb2.DiffRequest(
        urn=BUCKET, old_inputs=wire.struct(old), olds=wire.struct(old), news=wire.struct(new)
    )
    return aws.Diff(request, Context())


def create(aws: SimulatedAws, urn: str, preview: bool = False, **inputs: Any) -> Any:
    request = provider_pb2.CreateRequest(urn=urn, properties=wire.struct(inputs), preview=preview)
    return aws.Create(request, Context())


def test_a_resource_without_a_name_gets_one_and_keeps_it(aws: SimulatedAws) -> None:
    first = check(aws, BUCKET, {})
    assert first["bucket"].startswith("artifacts-")
    assert check(aws, BUCKET, first)["bucket"] == first["bucket"]


def test_a_given_name_is_kept(aws: SimulatedAws) -> None:
    assert check(aws, BUCKET, {}, bucket="mine")["bucket"] == "mine"


def test_a_replacement_of_a_named_resource_deletes_first(aws: SimulatedAws) -> None:
    answer = diff(aws, {"bucket": "a"}, {"bucket": "a", "objectLockEnabled": True})
    assert list(answer.replaces) == ["objectLockEnabled"]
    assert answer.deleteBeforeReplace
    named_by_us = {"bucket": "a-1", "__named": True}
    assert not diff(aws, named_by_us, named_by_us | {"objectLockEnabled": True}).deleteBeforeReplace


def test_equal_inputs_are_no_change(aws: SimulatedAws) -> None:
    assert diff(aws, {"bucket": "a"}, {"bucket": "a"}).changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_preview_creates_nothing_and_leaves_outputs_unknown(aws: SimulatedAws) -> None:
    answer = create(aws, BUCKET, preview=True, bucket="a")
    assert answer.id == ""
    assert wire.plain(answer.properties)["arn"] == wire.UNKNOWN
    assert create(aws, BUCKET, bucket="a").id == "a"


def test_a_physical_name_can_be_used_once(aws: SimulatedAws) -> None:
    create(aws, BUCKET, bucket="a")
    with pytest.raises(RefusedError, match="ALREADY_EXISTS: Bucket 'a' already exists"):
        create(aws, BUCKET, bucket="a")
    aws.Delete(provider_pb2.DeleteRequest(urn=BUCKET, properties=wire.struct({"bucket": "a"})), Context())
    assert create(aws, BUCKET, bucket="a").id == "a"


def test_a_resource_that_aws_protects_is_not_deleted(aws: SimulatedAws) -> None:
    state = wire.struct({"identifier": "db", "deletionProtection": True})
    with pytest.raises(RefusedError, match="FAILED_PRECONDITION: deletionProtection is on"):
        aws.Delete(provider_pb2.DeleteRequest(urn=INSTANCE, properties=state), Context())


def test_a_type_outside_the_table_is_refused(aws: SimulatedAws) -> None:
    urn = "urn:pulumi:dev::plinth::aws:sns/topic:Topic::t"
    answer = aws.Check(provider_pb2.CheckRequest(urn=urn, news=wire.struct({})), Context())
    assert any("is not in simulation/aws/replacements.py" in each.reason for each in answer.failures)


def test_a_function_that_is_not_simulated_is_refused_by_name(aws: SimulatedAws) -> None:
    request = provider_pb2.InvokeRequest(tok="aws:ec2/getVpc:getVpc", args=wire.struct({}))
    (failure,) = aws.Invoke(request, Context()).failures
    assert "is not simulated" in failure.reason


def test_an_update_of_a_launch_template_creates_a_version(aws: SimulatedAws) -> None:
    urn = "urn:pulumi:dev::plinth::aws:ec2/launchTemplate:LaunchTemplate::gpu"
    made = create(aws, urn, name="gpu").properties
    request = provider_pb2.UpdateRequest(
        urn=urn, olds=made, old_inputs=wire.struct({"name": "gpu"}), news=wire.struct({"name": "gpu"})
    )
    assert wire.plain(aws.Update(request, Context()).properties)["latestVersion"] == 2


def test_an_update_keeps_what_aws_had_added_inside_a_block(aws: SimulatedAws) -> None:
    urn = "urn:pulumi:dev::plinth::aws:eks/cluster:Cluster::eks"
    old: dict[str, Any] = {
        "name": "c",
        "vpcConfig": {"subnetIds": ["subnet-1"], "publicAccessCidrs": ["10.0.0.0/8"]},
    }
    new = {"name": "c", "vpcConfig": {"subnetIds": ["subnet-1", "subnet-2"]}}
    made = create(aws, urn, **old).properties
    request = provider_pb2.UpdateRequest(
        urn=urn, olds=made, old_inputs=wire.struct(old), news=wire.struct(new), preview=True
    )
    network = wire.plain(aws.Update(request, Context()).properties)["vpcConfig"]
    assert network["clusterSecurityGroupId"].startswith("sg-")
    assert network["subnetIds"] == ["subnet-1", "subnet-2"]
    assert "publicAccessCidrs" not in network


def test_what_somebody_deleted_is_read_as_gone_until_it_is_made_again(aws: SimulatedAws) -> None:
    request = provider_pb2.ReadRequest(urn=BUCKET, id="a")
    account = aws._account  # pyright: ignore[reportPrivateUsage]
    assert aws.Read(request, Context()).id == "a"
    account.deleted.add("artifacts")
    assert aws.Read(request, Context()).id == ""
    create(aws, BUCKET, bucket="a")
    assert aws.Read(request, Context()).id == "a"
