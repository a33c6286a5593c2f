"""The published SDK's types as the simulation reads them."""

import pytest

from simulation.aws import published_types
from simulation.aws.published_types import ListOf, MapOf, Record, Scalar, UnknownTypeError


def test_required_inputs_are_those_of_the_sdk() -> None:
    group = published_types.resource("aws:eks/nodeGroup:NodeGroup")
    required = {name for name, field in group.inputs.items() if field.required}
    assert required == {"clusterName", "nodeRoleArn", "scalingConfig", "subnetIds"}


def test_nested_types_are_followed_through_lists_and_records() -> None:
    group = published_types.resource("aws:eks/nodeGroup:NodeGroup")
    taints = group.inputs["taints"].shape
    assert isinstance(taints, ListOf)
    assert isinstance(taints.item, Record)
    assert taints.item.fields["effect"].required
    assert taints.item.fields["effect"].shape == Scalar(kind="string")
    assert isinstance(group.inputs["labels"].shape, MapOf)


def test_enumerations_of_the_sdk_are_read() -> None:
    acl = published_types.resource("aws:s3/bucket:Bucket").inputs["acl"].shape
    assert isinstance(acl, Scalar)
    assert acl.enumeration == "CannedAcl"
    assert "public-read" in acl.allowed


def test_outputs_that_are_not_inputs_are_known() -> None:
    cluster = published_types.resource("aws:eks/cluster:Cluster")
    assert {"arn", "endpoint", "certificateAuthority"} <= set(cluster.outputs) - set(cluster.inputs)


def test_settings_of_the_provider_are_known() -> None:
    assert {"region", "defaultTags", "endpoints"} <= set(published_types.provider_inputs())


@pytest.mark.parametrize("token", ["aws:eks/cluster:Clutser", "aws:ekz/cluster:Cluster", "gcp:a/b:C"])
def test_a_type_that_the_sdk_does_not_publish_is_refused(token: str) -> None:
    with pytest.raises(UnknownTypeError, match="is not a resource of pulumi_aws"):
        published_types.resource(token)


def test_inputs_are_the_resources_own_where_a_nested_type_has_its_name() -> None:
    assert "bucket" in published_types.resource("aws:s3/bucketVersioning:BucketVersioning").inputs
