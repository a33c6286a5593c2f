"""What AWS offers. botocore's Stubber answers for what moto lacks: EKS versions, images and RDS classes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from components.versions import RDS_MARIADB, RDS_POSTGRES
from infra.account import versions
from infra.account.session import Account, Finding
from tests.unit.infra import demands

_ENDS = datetime(2027, 8, 2, tzinfo=UTC)


def cluster_versions(**statuses: str) -> dict[str, Any]:
    return {
        "clusterVersions": [
            {"clusterVersion": f"1.{minor[1:]}", "versionStatus": status, "endOfStandardSupportDate": _ENDS}
            for minor, status in statuses.items()
        ]
    }


def kubernetes(account: Account, answer: dict[str, Any]) -> Finding:
    with Stubber(account.eks) as stub:
        stub.add_response("describe_cluster_versions", answer)
        (found,) = versions.kubernetes(account, demands.of_stack("prod"))
    return found


def test_a_supported_version_says_until_when(account: Account) -> None:
    found = kubernetes(account, cluster_versions(v36="STANDARD_SUPPORT"))
    assert not found.failed
    assert found.result == "STANDARD_SUPPORT, standard support until 2027-08-02"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (cluster_versions(v35="STANDARD_SUPPORT", v33="EXTENDED_SUPPORT"), "EKS does not offer it"),
        (
            cluster_versions(v36="EXTENDED_SUPPORT", v35="STANDARD_SUPPORT"),
            "EXTENDED_SUPPORT, standard support until 2027-08-02",
        ),
    ],
)
def test_a_version_without_standard_support_is_refused_with_those_that_have_it(
    account: Account, answer: dict[str, Any], problem: str
) -> None:
    found = kubernetes(account, answer)
    assert found.failed
    assert found.result == problem
    assert found.remedy == "set plinth:cluster.kubernetesVersion to one of 1.35"


@pytest.mark.parametrize(
    ("release", "last"),
    [
        (None, "recommended/image_id"),
        ("1.36.0-20261101", "amazon-eks-node-al2023-x86_64-{variant}-1.36-v20261101/image_id"),
    ],
)
def test_both_images_of_nodes_are_looked_up(account: Account, release: str | None, last: str) -> None:
    with Stubber(account.ssm) as stub:
        for variant in ("standard", "nvidia"):
            root = f"/aws/service/eks/optimized-ami/1.36/amazon-linux-2023/x86_64/{variant}"
            request = {"Name": f"{root}/{last.format(variant=variant)}"}
            stub.add_response("get_parameter", {"Parameter": {"Value": f"ami-{variant}"}}, request)
        found = list(versions.machine_images(account, demands.of_stack("prod", ami_release=release)))
        stub.assert_no_pending_responses()
    assert [each.result for each in found] == ["ami-standard", "ami-nvidia"]


@pytest.mark.parametrize(
    ("release", "setting"), [(None, "kubernetesVersion"), ("1.36.0-20261101", "amiRelease")]
)
def test_an_image_that_does_not_exist_is_named_with_its_setting(
    account: Account, release: str | None, setting: str
) -> None:
    demand = demands.of_stack("prod", ami_release=release, pools=(demands.pool(gpus=False),))
    # moto has no parameters of EKS.
    (found,) = versions.machine_images(account, demand)
    assert found.failed
    assert found.result.startswith("no parameter /aws/service/eks/optimized-ami/1.36/amazon-linux-2023/")
    assert found.remedy == f"choose another plinth:cluster.{setting}"


def addons(account: Account, offered: dict[str, list[str]]) -> list[Finding]:
    demand = demands.of_stack("prod")
    with Stubber(account.eks) as stub:
        for name in demand.addons:
            listed = [{"addonVersion": version} for version in offered.get(name, [])]
            request = {"addonName": name, "kubernetesVersion": "1.36"}
            answer = {"addons": [{"addonName": name, "addonVersions": listed}]}
            stub.add_response("describe_addon_versions", answer, request)
        return list(versions.addons(account, demand))


def test_every_pinned_add_on_is_offered_for_the_version() -> None:
    pinned = demands.of_stack("prod").addons
    assert {"vpc-cni", "coredns", "kube-proxy", "aws-ebs-csi-driver"} < pinned.keys()


def test_an_add_on_is_looked_up_by_name_and_version(account: Account) -> None:
    pinned = demands.of_stack("prod").addons
    found = addons(account, {name: ["v0", version] for name, version in pinned.items()})
    assert len(found) == len(pinned)
    assert not any(each.failed for each in found)


def test_an_add_on_that_is_not_offered_is_named_with_those_that_are(account: Account) -> None:
    pinned = demands.of_stack("prod").addons
    offered = {name: [version] for name, version in pinned.items()} | {"coredns": ["v9", "v8", "v7", "v6"]}
    (found,) = [each for each in addons(account, offered) if each.failed]
    assert found.subject == f"coredns {pinned['coredns']}"
    assert found.remedy == "set plinth:cluster.addons.coredns to one of v9, v8, v7"


def classes(account: Account, multi_az: dict[str, bool]) -> list[Finding]:
    """Return the findings if RDS offers these versions, with a standby or without."""
    with Stubber(account.rds) as stub:
        for engine in ("postgres", "mariadb"):
            request = {"Engine": engine, "DBInstanceClass": "db.m7g.large", "Vpc": True}
            options = [
                {"EngineVersion": version, "MultiAZCapable": capable} for version, capable in multi_az.items()
            ]
            stub.add_response(
                "describe_orderable_db_instance_options", {"OrderableDBInstanceOptions": options}, request
            )
        return list(versions.database_classes(account, demands.of_stack("prod")))


def test_a_class_is_offered_for_the_version_of_each_engine(account: Account) -> None:
    found = classes(
        account, {f"{RDS_POSTGRES}.2": False, f"{RDS_POSTGRES}.6": True, f"{RDS_MARIADB}.14": True}
    )
    assert [(each.subject, each.failed) for each in found] == [
        (f"db.m7g.large for postgres {RDS_POSTGRES}", False),
        (f"db.m7g.large for mariadb {RDS_MARIADB}", False),
    ]


@pytest.mark.parametrize(
    ("multi_az", "problem"),
    [
        ({}, "not offered in us-east-1"),
        # Other versions only: 170 is not a minor version of 17.
        ({f"{RDS_POSTGRES}0.1": True, "9.6": True}, "not offered in us-east-1"),
        (
            {f"{RDS_POSTGRES}.1": False, f"{RDS_MARIADB}.1": False},
            "not offered with a standby in us-east-1",
        ),
    ],
)
def test_a_class_that_is_not_offered_is_named_with_its_setting(
    account: Account, multi_az: dict[str, bool], problem: str
) -> None:
    found = classes(account, multi_az)
    assert [each.result for each in found if each.failed] == [problem, problem]
    assert [each.remedy.partition(",")[0] for each in found] == [
        "choose another plinth:storage.rds.postgresClass",
        "choose another plinth:storage.rds.pipelinesClass",
    ]
