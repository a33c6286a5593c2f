"""Settings that contradict each other: one clear clause each, before anything is planned."""

from typing import Any

import pytest

from components.aws.databases import rds_authorities
from infra import generated
from infra.settings import reader
from tests.unit.infra import choices

PROD = choices.of_stack("prod")
DEV = choices.of_stack("dev")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "cluster.availabilityZones",
            ["us-east-1a", "us-west-2b"],
            "plinth:cluster.availabilityZones names us-west-2b, which is not in region us-east-1: "
            "use zones such as us-east-1a",
        ),
        (
            "cluster.availabilityZones",
            ["us-east-1a", "us-east-1a"],
            "plinth:cluster.availabilityZones names a zone twice",
        ),
        (
            "cluster.systemPool.instanceTypes",
            ["m7i.hugge"],
            "plinth:cluster.systemPool.instanceTypes names 'm7i.hugge', which is no instance type known on",
        ),
        (
            "cluster.systemPool.instanceTypes",
            ["g5.xlarge"],
            "plinth:cluster.systemPool.instanceTypes names g5.xlarge, which has GPUs",
        ),
        (
            "cluster.systemPool.max",
            1,
            "plinth:cluster.systemPool.min is 2, more than max 1: raise max or lower min",
        ),
        ("cluster.systemPool.capacityType", "CAPACITY_BLOCK", "which is for GPUs: use ON_DEMAND or SPOT"),
        ("cluster.network.cidr", "10.0.0.0/24", "plinth:cluster.network.cidr is 10.0.0.0/24: use a private"),
        ("cluster.network.cidr", "8.8.0.0/16", "plinth:cluster.network.cidr is 8.8.0.0/16: use a private"),
        ("cluster.network.cidr", "10.0.0.1/16", "plinth:cluster.network.cidr is 10.0.0.1/16: "),
        (
            "cluster.network.peers",
            ["192.168.0.0/16", "10.10.128.0/20"],
            "plinth:cluster.network.cidr is 10.10.0.0/16, which overlaps the peer 10.10.128.0/20: ",
        ),
        ("cluster.network.peers", ["10.0.0.1/16"], "plinth:cluster.network.peers names 10.0.0.1/16: "),
        ("cluster.endpoint.publicCidrs", [], "access is public but publicCidrs is empty"),
        ("cluster.endpoint.publicCidrs", ["0.0.0.0/0"], "publicCidrs is open to everyone (0.0.0.0/0)"),
        ("cluster.endpoint.publicCidrs", ["1.2.3.999/32"], "publicCidrs names 1.2.3.999/32: "),
        ("cluster.endpoint.access", "private", "plinth:cluster.endpoint.publicCidrs needs access: public"),
        ("cluster.administrators", [], "plinth:cluster.administrators is empty: name the IAM role that runs"),
        (
            "cluster.kubernetesVersion",
            "1.37",
            "plinth:cluster.kubernetesVersion is 1.37, for which no aws-ebs-csi-driver, coredns, ",
        ),
        (
            "cluster.kubernetesVersion",
            "1.37",
            "vpc-cni, cluster-autoscaler is pinned: name add-ons in cluster",
        ),
        (
            "cluster.addons",
            {"core-dns": "v1.14.3-eksbuild.16"},
            "plinth:cluster.addons names core-dns; a cluster has aws-ebs-csi-driver, coredns, ",
        ),
        ("cluster.addons", {"coredns": "1.14.3"}, "plinth:cluster.addons.coredns"),
        (
            "cluster.amiRelease",
            "1.35.2-20261101",
            "plinth:cluster.amiRelease is 1.35.2-20261101: use one of Kubernetes 1.36",
        ),
        ("storage.postgresSize", "2Gi", "plinth:storage.postgresSize is 2Gi; RDS needs at least 20Gi"),
        ("gateway.public", True, "plinth:gateway.public is true but sourceCidrs is empty"),
        ("gateway.sourceCidrs", ["203.0.113.0/24"], "plinth:gateway.sourceCidrs needs public: true"),
        ("gateway.nodePort", 30080, "plinth:gateway.nodePort is for a cluster of kind kubeconfig"),
        (
            "gateway.tls",
            "local",
            "plinth:gateway.tls is local on EKS, where TLS ends at the load balancer: leave it out, and "
            "name an ACM certificate for *.<domain> in gateway.certificateArn",
        ),
    ],
)
def test_a_setting_that_cannot_work_is_named_with_its_remedy(path: str, value: Any, message: str) -> None:
    found = choices.problem(choices.changed(DEV, path, value))
    assert message in found
    assert found.count("plinth:") == 1, found


def test_a_region_whose_databases_could_not_be_verified_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    others = {"eu-west-1": "-----BEGIN CERTIFICATE-----"}
    monkeypatch.setattr(rds_authorities, "authorities", lambda: others)
    found = choices.problem(choices.changed(DEV, "storage.postgres", "rds"))
    for database in ("postgres", "pipelinesDatabase"):
        assert f"storage.{database} is rds, whose certificate authority in us-east-1 is not known" in found


def test_a_bucket_name_that_is_too_long_says_how_long_the_prefix_may_be() -> None:
    without = choices.changed(DEV, "teams", [])
    found = choices.problem(choices.changed(without, "storage.s3.bucketPrefix", "a" * 52))
    assert found == (
        f"plinth:storage.s3.bucketPrefix gives the bucket {'a' * 52}-access-logs, 64 characters long; S3 "
        "allows 63: use a prefix of at most 51 characters"
    )


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("protect", False, "plinth:protect is false in production: set it to true"),
        ("protect", None, "plinth:protect is false in production: set it to true"),
        ("storage.rds.multiAz", None, "plinth:storage.rds.multiAz is false in production"),
        ("storage.rds.backupDays", 13, "plinth:storage.rds.backupDays is 13 in production: keep at least 14"),
        ("storage.postgres", "incluster", "plinth:storage.postgres is incluster in production: use rds"),
        ("storage.objects", "incluster", "plinth:storage.objects is incluster in production: use s3"),
        ("cluster.network.nat", "single", "plinth:cluster.network.nat is single in production: use perZone"),
        (
            "cluster.availabilityZones",
            ["us-east-1a", "us-east-1b"],
            "plinth:cluster.availabilityZones has 2 in production: name 3 or more",
        ),
        (
            "cluster.systemPool.capacityType",
            "SPOT",
            "plinth:cluster.systemPool.capacityType is SPOT in production",
        ),
        (
            "gateway.certificateArn",
            None,
            "plinth:gateway.certificateArn is missing in production: name an ACM certificate for *.<domain>",
        ),
        (
            "gateway",
            {**PROD["gateway"], "public": True, "sourceCidrs": ["0.0.0.0/1", "128.0.0.0/1"]},
            "plinth:gateway.sourceCidrs opens 4,294,967,296 addresses in production",
        ),
        (
            "gateway",
            {**PROD["gateway"], "public": True, "sourceCidrs": ["10.0.0.0/8", "11.0.0.0/24", "11.0.0.0/25"]},
            "plinth:gateway.sourceCidrs opens 16,777,472 addresses in production",
        ),
    ],
)
def test_production_refuses_what_could_lose_data_or_stop_with_a_zone(
    path: str, value: Any, message: str
) -> None:
    found = choices.problem(choices.changed(PROD, path, value))
    assert message in found
    assert found.count("plinth:") == 1, found
    elsewhere = choices.changed(choices.changed(PROD, path, value), "environment", "staging")
    reader.parse(elsewhere)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("gpuPools", DEV["gpuPools"], "plinth:gpuPools needs a cluster of kind eks"),
        ("storage", {"postgres": "rds", "postgresSize": "20Gi"}, "plinth:storage.postgres: rds needs"),
        ("budget", {"monthly": 5, "email": "a@b.example"}, "plinth:budget needs a cluster of kind eks"),
        ("storage", {"objects": "s3"}, "plinth:storage.objects: s3 needs a cluster of kind eks"),
    ],
)
def test_what_only_a_cloud_has_is_refused_elsewhere(path: str, value: Any, message: str) -> None:
    assert message in choices.problem(choices.changed(choices.of_stack("local"), path, value))


_OIDC = {
    "kind": "oidc",
    "issuer": "https://login.example.com",
    "clientId": "plinth",
    "members": ["engineers"],
}


def test_an_issuers_authority_is_a_certificate_of_one() -> None:
    local = choices.of_stack("local")
    authority, chain, key = generated.certificate(("login.example.com",), "company")
    server = chain.partition("-----END CERTIFICATE-----\n")
    for given, message in (
        ("/etc/company.pem", "plinth:identity.authority is no certificate: give PEM, from -----BEGIN"),
        ("", "plinth:identity.authority is no certificate"),
        (authority[:-40], "plinth:identity.authority is no certificate"),
        (server[0] + server[1], "plinth:identity.authority is the certificate of"),
        (authority + key, "plinth:identity.authority holds a private key: remove it"),
    ):
        found = choices.problem(choices.changed(local, "identity", {**_OIDC, "authority": given}))
        assert message in found
        assert "\n" not in found
        assert key.splitlines()[1] not in found
    assert reader.parse(choices.changed(local, "identity", {**_OIDC, "authority": authority * 2}))
    assert "but identity.kind is local: use kind: oidc" in choices.problem(
        choices.changed(local, "identity", {"kind": "local", "authority": authority})
    )


@pytest.mark.parametrize(
    ("identity", "message"),
    [
        ({**_OIDC, "scopes": ["email"]}, "plinth:identity.scopes lacks openid"),
        ({**_OIDC, "scopes": ["openid", "two words"]}, "identity.scopes"),
        ({**_OIDC, "issuer": "http://login.example.com"}, "identity.issuer"),
        ({**_OIDC, "members": []}, "plinth:identity names no groups"),
        ({"kind": "oidc", "members": ["a"]}, "plinth:identity.issuer is missing"),
        (
            {"kind": "local", "publicClientId": "cli"},
            "plinth:identity.publicClientId is cli, but identity.kind is",
        ),
        (
            {"kind": "local", "members": ["a"]},
            "plinth:identity.members names groups, but identity.kind is local",
        ),
    ],
)
def test_a_login_that_nobody_could_use_is_refused(identity: dict[str, Any], message: str) -> None:
    local = choices.of_stack("local")
    assert message in choices.problem(choices.changed(local, "identity", identity))
    assert reader.parse(choices.changed(local, "identity", _OIDC))
