"""CloudFormation's schemas as cfn-lint ships them."""

from typing import get_args

from infra.settings.cluster import LogDays
from simulation.aws.cloudformation import schemas


def test_a_type_is_found_whatever_its_capitals() -> None:
    assert schemas.resource_types()["aws::eks::nodegroup"] == "AWS::EKS::Nodegroup"


def test_a_property_is_found_whatever_its_capitals() -> None:
    instance = schemas.resource("AWS::RDS::DBInstance")
    assert instance.find("multiAz") == "MultiAZ"
    assert instance.find("multiZone") is None


def test_paths_pass_through_lists_and_references() -> None:
    template = schemas.resource("AWS::EC2::LaunchTemplate")
    size = template.at("LaunchTemplateData.BlockDeviceMappings.Ebs.VolumeSize")
    assert size is not None
    assert size.kinds == {"integer"}
    assert template.at("LaunchTemplateData.BlockDeviceMappings.Ebs.VolumeSise") is None


def test_free_keys_are_no_properties() -> None:
    labels = schemas.resource("AWS::EKS::Nodegroup").at("Labels")
    assert labels is not None
    assert labels.kinds == {"object"}
    assert not labels.properties


def test_logs_are_kept_as_long_as_cloudwatch_allows() -> None:
    days = schemas.resource("AWS::Logs::LogGroup").at("RetentionInDays")
    assert days is not None
    assert [*get_args(LogDays)] == days.content["enum"]
