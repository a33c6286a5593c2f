import dataclasses
from functools import cache

import pytest
from pulumi import ResourceOptions

from components.aws.databases.rds_instance import RdsEngine, RdsInstance, RdsInstanceArgs, has_insights
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules
from tests.unit.components.aws import policies
from tests.unit.components.aws.servers import KEY, LOG_KEY, SERVER

PASSWORD = "generated-password"
ARGS = RdsInstanceArgs(
    server=SERVER,
    engine=RdsEngine(name="postgres", version="17", port=5432, parameters={"rds.force_ssl": "1"}),
    administrator="mlflow",
    password=PASSWORD,
    database="mlflow",
)


@cache
def deployed(*, preview: bool = False, **changes: object) -> Deployment[RdsInstance]:
    server = dataclasses.replace(SERVER, **changes)  # pyright: ignore[reportArgumentType]
    args = dataclasses.replace(ARGS, server=server)
    return deploy(lambda: RdsInstance("db", args), preview=preview)


def test_everything_uses_the_one_provider() -> None:
    policies.assert_one_provider(lambda name, opts: RdsInstance(name, ARGS, opts))


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_tagged_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "RdsInstance")
    policies.assert_tagged(deployment, {"stack": "prod"})


def test_the_password_is_nowhere_in_clear() -> None:
    deployment = deployed()
    holders = [each for each in deployment.registrations if PASSWORD in str(each.inputs)]
    assert [each.name for each in holders] == ["db-server"]
    assert "password" in holders[0].secret_inputs


def test_storage_backups_and_measurements_are_encrypted_with_the_key() -> None:
    server = deployed().one("aws:rds/instance:Instance").inputs
    assert server["storageEncrypted"] is True
    assert server["kmsKeyId"] == server["performanceInsightsKmsKeyId"] == KEY


def test_only_members_of_the_clients_groups_may_connect() -> None:
    deployment = deployed()
    server = deployment.one("aws:rds/instance:Instance").inputs
    assert server["publiclyAccessible"] is False
    assert server["vpcSecurityGroupIds"] == ["db-firewall-id"]
    ways = [each.inputs for each in deployment.of_type("SecurityGroupIngressRule")]
    assert sorted(each["referencedSecurityGroupId"] for each in ways) == ["sg-gpu-nodes", "sg-nodes"]
    for way in ways:
        assert way["securityGroupId"] == "db-firewall-id"
        assert (way["ipProtocol"], way["fromPort"], way["toPort"]) == ("tcp", 5432, 5432)
        assert not {"cidrIpv4", "cidrIpv6", "prefixListId"} & way.keys()
    firewall = deployment.one("SecurityGroup").inputs
    assert not {"ingress", "egress"} & firewall.keys()


def test_a_server_lies_in_the_subnets_and_has_its_own_parameters() -> None:
    deployment = deployed()
    assert deployment.one("SubnetGroup").inputs["subnetIds"] == ["subnet-a", "subnet-b"]
    parameters = deployment.one("ParameterGroup").inputs
    assert parameters["family"] == "postgres17"
    assert parameters["parameters"] == [{"name": "rds.force_ssl", "value": "1"}]
    server = deployment.one("aws:rds/instance:Instance").inputs
    assert server["dbSubnetGroupName"] == "db-subnets-1a2b3c4"
    assert server["parameterGroupName"] == "db-parameters-1a2b3c4"


def test_by_default_a_server_survives_a_zone_a_mistake_and_time() -> None:
    server = deployed().one("aws:rds/instance:Instance").inputs
    assert server["multiAz"] is True
    assert server["deletionProtection"] is True
    assert server["backupRetentionPeriod"] == 14
    assert server["copyTagsToSnapshot"] is True
    assert server["autoMinorVersionUpgrade"] is True
    assert server["enabledCloudwatchLogsExports"] == ["postgresql", "upgrade"]
    assert server["iamDatabaseAuthenticationEnabled"] is True
    assert server["maxAllocatedStorage"] == 4 * server["allocatedStorage"]


def test_its_logs_expire_and_are_encrypted_in_groups_that_are_there_before() -> None:
    deployment = deployed(log_days=90)
    groups = {each.inputs["name"]: each for each in deployment.of_type("LogGroup")}
    assert groups.keys() == {
        "/aws/rds/instance/here-tracking/postgresql",
        "/aws/rds/instance/here-tracking/upgrade",
    }
    server = deployment.one("aws:rds/instance:Instance")
    assert server.inputs["identifier"] == "here-tracking"
    for each in groups.values():
        assert (each.inputs["kmsKeyId"], each.inputs["retentionInDays"]) == (LOG_KEY, 90)
        assert each.name in rules.before(deployment, server)


def test_a_server_from_before_keeps_its_name() -> None:
    assert deployed().one("aws:rds/instance:Instance").ignore_changes == ("identifier",)


def test_changes_take_effect_at_once_and_a_new_major_version_never_by_itself() -> None:
    server = deployed().one("aws:rds/instance:Instance").inputs
    assert server["applyImmediately"] is True
    assert server["allowMajorVersionUpgrade"] is False
    chosen = deployed(apply_immediately=False, major_upgrades=True).one("aws:rds/instance:Instance").inputs
    assert chosen["applyImmediately"] is False
    assert chosen["allowMajorVersionUpgrade"] is True


def test_its_certificate_is_of_the_authorities_that_clients_know() -> None:
    assert deployed().one("aws:rds/instance:Instance").inputs["caCertIdentifier"] == "rds-ca-rsa2048-g1"


@pytest.mark.parametrize("protected", [True, False])
def test_a_protected_server_leaves_a_snapshot_and_its_backups_and_another_leaves_nothing(
    protected: bool,
) -> None:
    server = deployed(deletion_protection=protected).one("aws:rds/instance:Instance").inputs
    assert server["deletionProtection"] is protected
    assert server["skipFinalSnapshot"] is not protected
    assert server["deleteAutomatedBackups"] is not protected


def test_the_last_snapshot_has_a_name_that_is_never_the_same_twice() -> None:
    server = deployed().one("aws:rds/instance:Instance").inputs
    assert server["finalSnapshotIdentifier"] == "db-subnets-1a2b3c4-final"


def test_rds_alone_writes_measurements_and_may_do_so_before_the_server_starts() -> None:
    deployment = deployed()
    role = deployment.one("Role")
    (trust,) = policies.statements(role.inputs["assumeRolePolicy"])
    assert trust["Principal"] == {"Service": "monitoring.rds.amazonaws.com"}
    server = deployment.one("aws:rds/instance:Instance")
    assert server.inputs["monitoringInterval"] == 60
    assert {"db-monitoring", "db-monitoring-rights"} <= rules.before(deployment, server)


def test_protection_given_to_the_component_reaches_the_server() -> None:
    deployment = deploy(lambda: RdsInstance("db", ARGS, ResourceOptions(protect=True)))
    assert deployment.one("aws:rds/instance:Instance").protect


@pytest.mark.parametrize(
    ("engine", "instance_class", "expected"),
    [
        ("postgres", "db.t4g.micro", True),
        ("mariadb", "db.t4g.micro", False),
        ("mariadb", "db.t3.small", False),
        ("mariadb", "db.t4g.medium", True),
        ("mariadb", "db.m7g.large", True),
    ],
)
def test_insights_are_asked_for_only_where_rds_has_them(
    engine: str, instance_class: str, expected: bool
) -> None:
    assert has_insights(engine, instance_class) is expected


def test_a_server_without_insights_names_no_key_for_them() -> None:
    engine = dataclasses.replace(ARGS.engine, name="mariadb", version="10.11")
    small = dataclasses.replace(
        ARGS, engine=engine, server=dataclasses.replace(SERVER, instance_class="db.t4g.micro")
    )
    server = deploy(lambda: RdsInstance("db", small)).one("aws:rds/instance:Instance").inputs
    assert server["performanceInsightsEnabled"] is False
    assert not {"performanceInsightsKmsKeyId", "performanceInsightsRetentionPeriod"} & server.keys()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"client_security_group_ids": ()}, "client_security_group_ids: none given"),
        ({"instance_class": "m7i.xlarge"}, "'m7i.xlarge'; give a class of RDS"),
        ({"storage_gib": 10}, "storage_gib: 10; give 20 to 65536"),
        ({"identifier": "Here"}, "identifier: 'Here'; give a lower-case letter"),
        ({"identifier": "a--b"}, "identifier: 'a--b'"),
        ({"backup_days": 0}, "backup_days: 0; give 1 to 35"),
        ({"backup_days": 36}, "backup_days: 36"),
    ],
)
def test_values_that_cannot_work_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SERVER, **change)  # pyright: ignore[reportArgumentType]
