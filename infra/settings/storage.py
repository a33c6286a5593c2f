"""Settings of databases and object storage, in the cluster or on AWS."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from infra.settings.sections import Quantity, Section
from workloads.contract import PAYLOADS_BUCKET, PIPELINES_BUCKET, TRACKING_BUCKET

ACCESS_LOGS = "access-logs"
"""Bucket that `S3ObjectStore` adds for itself; importing it from there would load the AWS SDK."""
BUCKETS = (PIPELINES_BUCKET, TRACKING_BUCKET, PAYLOADS_BUCKET, ACCESS_LOGS)
"""Buckets of a stack on AWS, without the stack's prefix."""

InstanceClass = Annotated[str, Field(pattern=r"^db\.[a-z0-9]+\.[a-z0-9]+$")]


class DatabaseLocation(StrEnum):
    """Where a database runs."""

    INCLUSTER = "incluster"
    RDS = "rds"


class ObjectsLocation(StrEnum):
    """Where objects are stored."""

    INCLUSTER = "incluster"
    S3 = "s3"


class ApplyChanges(StrEnum):
    """When changes of a database take effect."""

    NOW = "now"
    IN_WINDOW = "inWindow"


class RdsSettings(Section):
    """Settings of RDS databases."""

    postgres_class: InstanceClass = "db.t4g.small"
    pipelines_class: InstanceClass = "db.t4g.small"
    multi_az: bool = False
    """Whether each database has a standby in another zone."""
    backup_days: int = Field(default=7, ge=1, le=35)
    apply_changes: ApplyChanges = Field(default=ApplyChanges.NOW, strict=False)
    """When `up` changes a database: now, or inWindow, the next maintenance window on Sunday morning.

    A change of the class or major version interrupts it for minutes, with multiAz for about one.
    """
    major_upgrades: bool = False
    """Whether `up` may upgrade a database to a new major version of plinth's; RDS cannot go back."""


class S3Settings(Section):
    """Settings of S3 buckets."""

    bucket_prefix: Annotated[str, Field(pattern=r"^[a-z0-9][-a-z0-9]*$")] | None = None
    """Prefix of the globally unique bucket names; by default the cluster's name and the account."""
    noncurrent_days: int = Field(default=30, ge=1, le=3650)
    """Days for which a deleted or overwritten object can be restored."""


class StorageSettings(Section):
    """Settings of databases and object storage."""

    postgres: DatabaseLocation = Field(default=DatabaseLocation.INCLUSTER, strict=False)
    postgres_size: Quantity = "2Gi"
    pipelines_database: DatabaseLocation = Field(default=DatabaseLocation.INCLUSTER, strict=False)
    pipelines_database_size: Quantity = "2Gi"
    objects: ObjectsLocation = Field(default=ObjectsLocation.INCLUSTER, strict=False)
    objects_size: Quantity = "10Gi"
    """Size of the volume in the cluster; not used with S3."""
    rds: RdsSettings = RdsSettings()
    s3: S3Settings = S3Settings()
