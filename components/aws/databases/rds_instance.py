"""One Amazon RDS server: private, encrypted at rest and in transit, backed up and monitored."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.aws import service_role
from components.aws.databases import rds_authorities, rds_logs

_IDENTIFIER = re.compile(r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")
_CLASS = re.compile(r"^db\.[a-z0-9]+\.[a-z0-9]+$")
_MONITORING = "service-role/AmazonRDSEnhancedMonitoringRole"
# Performance Insights does not support these sizes for the engines of the MySQL family.
_TOO_SMALL_FOR_INSIGHTS = re.compile(r"^db\.t\d[a-z]*\.(micro|small)$")
_MOST_STORAGE_GIB = 65536


@dataclass(frozen=True, kw_only=True)
class RdsServer:
    """Network, size, availability and backups of a server."""

    vpc_id: pulumi.Input[str]
    subnet_ids: pulumi.Input[list[str]]
    """Private subnets, in at least two zones."""
    client_security_group_ids: tuple[pulumi.Input[str], ...]
    """Security groups whose members may connect; nobody else can."""
    identifier: str
    """Name in the account and region, of which that of its logs is made."""
    kms_key_arn: pulumi.Input[str]
    """KMS key that encrypts storage, backups and metrics."""
    log_key_arn: pulumi.Input[str]
    """KMS key that encrypts its logs."""
    authorities: str
    """Certificates, as PEM, of the authorities of RDS in its region."""
    instance_class: str = "db.t4g.medium"
    storage_gib: int = 20
    """Initial size; it grows automatically up to four times as much."""
    multi_az: bool = True
    """Whether a standby in another zone can take over."""
    deletion_protection: bool = True
    """Whether RDS refuses to delete the server; without it, deletion leaves no snapshot and no backup."""
    backup_days: int = 14
    """Days for which the server can be restored to any second."""
    log_days: int = 30
    """Days for which its logs are kept."""
    apply_immediately: bool = True
    """Whether changes take effect at once, those too that interrupt it; else in the maintenance window."""
    major_upgrades: bool = False
    """Whether a new major version of the engine may upgrade the server, which cannot be undone."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every resource."""

    def __post_init__(self) -> None:
        """Reject what AWS would reject minutes later."""
        if not self.client_security_group_ids:
            raise ValueError("client_security_group_ids: none given; name that of the cluster's nodes")
        if not _CLASS.match(self.instance_class):
            raise ValueError(
                f"instance_class: {self.instance_class!r}; give a class of RDS, such as db.t4g.medium"
            )
        if not 20 <= self.storage_gib <= _MOST_STORAGE_GIB:
            raise ValueError(f"storage_gib: {self.storage_gib}; give 20 to {_MOST_STORAGE_GIB}")
        if not _IDENTIFIER.match(self.identifier) or "--" in self.identifier:
            raise ValueError(
                f"identifier: {self.identifier!r}; give a lower-case letter, then at most 62 letters, digits "
                "and single dashes"
            )
        if not 1 <= self.backup_days <= 35:
            raise ValueError(f"backup_days: {self.backup_days}; give 1 to 35, RDS keeps no more")


@dataclass(frozen=True, kw_only=True)
class RdsEngine:
    """The database engine of a server."""

    name: str
    """RDS name of the engine."""
    version: str
    """Major version; RDS picks the newest minor version and upgrades it."""
    port: int
    parameters: Mapping[str, str]
    """Parameters that differ from the version's defaults."""

    @property
    def family(self) -> str:
        """RDS name of the engine's parameter group family."""
        return f"{self.name}{self.version}"


@dataclass(frozen=True, kw_only=True)
class RdsInstanceArgs:
    """Inputs of `RdsInstance`."""

    server: RdsServer
    engine: RdsEngine
    administrator: str
    """Name of the administrator's account."""
    password: pulumi.Input[str]
    """The administrator's password."""
    database: str | None = None
    """Name of a database to create with the server, if any."""


def has_insights(engine: str, instance_class: str) -> bool:
    """Return whether the server supports Performance Insights."""
    return engine == "postgres" or not _TOO_SMALL_FOR_INSIGHTS.match(instance_class)


class RdsInstance(pulumi.ComponentResource):
    """One server with its subnets, security group, parameters and monitoring role."""

    host: pulumi.Output[str]

    def __init__(self, name: str, args: RdsInstanceArgs, opts: ResourceOptions | None = None) -> None:
        inputs = {"engine": args.engine.family, "instance_class": args.server.instance_class}
        super().__init__("plinth:index:RdsInstance", name, inputs, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._tags = {"Name": name, **args.server.tags}
        instance = self._instance(
            self._firewall(), self._subnets(), self._parameters(), self._monitoring(), self._log_groups()
        )
        self.host = instance.address
        self.register_outputs({"host": self.host})

    def _firewall(self) -> aws.ec2.SecurityGroup:
        port, server = self._args.engine.port, self._args.server
        group = aws.ec2.SecurityGroup(
            f"{self._name}-firewall",
            description=f"Clients of {self._name}",
            vpc_id=server.vpc_id,
            tags=self._tags,
            opts=self._child,
        )
        for number, client in enumerate(server.client_security_group_ids):
            aws.vpc.SecurityGroupIngressRule(
                f"{self._name}-client-{number}",
                description=f"Clients of {self._name}",
                security_group_id=group.id,
                referenced_security_group_id=client,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                tags=self._tags,
                opts=self._child,
            )
        return group

    def _subnets(self) -> aws.rds.SubnetGroup:
        return aws.rds.SubnetGroup(
            f"{self._name}-subnets",
            description=f"Subnets of {self._name}",
            subnet_ids=self._args.server.subnet_ids,
            tags=self._tags,
            opts=self._child,
        )

    def _parameters(self) -> aws.rds.ParameterGroup:
        engine = self._args.engine
        return aws.rds.ParameterGroup(
            f"{self._name}-parameters",
            description=f"Parameters of {self._name}",
            family=engine.family,
            parameters=[{"name": key, "value": value} for key, value in sorted(engine.parameters.items())],
            tags=self._tags,
            opts=self._child,
        )

    def _monitoring(self) -> pulumi.Output[str]:
        role = service_role.deploy(
            f"{self._name}-monitoring",
            service_role.trust("monitoring.rds.amazonaws.com"),
            {f"{self._name}-monitoring-rights": _MONITORING},
            tags=self._tags,
            opts=self._child,
        )
        return role.arn

    def _log_groups(self) -> list[aws.cloudwatch.LogGroup]:
        server = self._args.server
        return [
            aws.cloudwatch.LogGroup(
                f"{self._name}-{log}-log",
                # RDS logs to this group; if RDS created it, logs would be unencrypted and never expire.
                name=group,
                kms_key_id=server.log_key_arn,
                retention_in_days=server.log_days,
                tags=self._tags,
                opts=self._child,
            )
            for log, group in rds_logs.log_groups(server.identifier, self._args.engine.name).items()
        ]

    def _instance(
        self,
        firewall: aws.ec2.SecurityGroup,
        subnets: aws.rds.SubnetGroup,
        parameters: aws.rds.ParameterGroup,
        monitoring_role: pulumi.Output[str],
        logs: list[aws.cloudwatch.LogGroup],
    ) -> aws.rds.Instance:
        args, server, engine = self._args, self._args.server, self._args.engine
        insights = has_insights(engine.name, server.instance_class)
        return aws.rds.Instance(
            f"{self._name}-server",
            identifier=server.identifier,
            engine=engine.name,
            engine_version=engine.version,
            auto_minor_version_upgrade=True,
            allow_major_version_upgrade=server.major_upgrades,
            apply_immediately=server.apply_immediately,
            ca_cert_identifier=rds_authorities.IDENTIFIER,
            instance_class=server.instance_class,
            db_name=args.database,
            username=args.administrator,
            password=pulumi.Output.secret(args.password),
            iam_database_authentication_enabled=True,
            port=engine.port,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[firewall.id],
            publicly_accessible=False,
            parameter_group_name=parameters.name,
            multi_az=server.multi_az,
            storage_type="gp3",
            allocated_storage=server.storage_gib,
            max_allocated_storage=min(4 * server.storage_gib, _MOST_STORAGE_GIB),
            storage_encrypted=True,
            kms_key_id=server.kms_key_arn,
            backup_retention_period=server.backup_days,
            backup_window="02:00-03:00",
            maintenance_window="sun:03:30-sun:04:30",
            copy_tags_to_snapshot=True,
            delete_automated_backups=not server.deletion_protection,
            deletion_protection=server.deletion_protection,
            skip_final_snapshot=not server.deletion_protection,
            # A unique name, so that a stack that is created again can be deleted again.
            final_snapshot_identifier=pulumi.Output.concat(subnets.name, "-final"),
            enabled_cloudwatch_logs_exports=[*rds_logs.LOGS[engine.name]],
            monitoring_interval=60,
            monitoring_role_arn=monitoring_role,
            performance_insights_enabled=insights,
            performance_insights_kms_key_id=server.kms_key_arn if insights else None,
            performance_insights_retention_period=7 if insights else None,
            tags=self._tags,
            # A server from before has a name that RDS made up, and another name would replace it.
            opts=ResourceOptions(parent=self, depends_on=logs, ignore_changes=["identifier"]),
        )
