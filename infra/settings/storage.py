"""Settings of databases and objects: inside the cluster, or AWS's own services."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from infra.settings.sections import Quantity, Section
from workloads.contract import PIPELINES_BUCKET, TRACKING_BUCKET

# The last is `S3ObjectStore`'s own; importing it from there would load the AWS SDK.
BUCKETS = (PIPELINES_BUCKET, TRACKING_BUCKET, "access-logs")
"""Buckets of a stack on AWS, without the stack's prefix."""

InstanceClass = Annotated[str, Field(pattern=r"^db\.[a-z0-9]+\.[a-z0-9]+$")]


class DatabaseLocation(StrEnum):
    """Where a database runs."""

    INCLUSTER = "incluster"
    RDS = "rds"


class ObjectsLocation(StrEnum):
    """Where objects lie."""

    INCLUSTER = "incluster"
    S3 = "s3"


class RdsSettings(Section):
    """How databases of AWS are run."""

    postgres_class: InstanceClass = "db.t4g.small"
    pipelines_class: InstanceClass = "db.t4g.small"
    multi_az: bool = False
    """A standby in another zone that takes over."""
    backup_days: int = Field(default=7, ge=1, le=35)


class S3Settings(Section):
    """How buckets of AWS are kept."""

    bucket_prefix: Annotated[str, Field(pattern=r"^[a-z0-9][-a-z0-9]*$")] | None = None
    """First part of the buckets' names, which no one else on AWS may have; without it cluster and account."""
    noncurrent_days: int = Field(default=30, ge=1, le=3650)
    """How long a deleted or overwritten object can be restored."""


class StorageSettings(Section):
    """Databases and objects."""

    postgres: DatabaseLocation = Field(default=DatabaseLocation.INCLUSTER, strict=False)
    postgres_size: Quantity = "2Gi"
    pipelines_database: DatabaseLocation = Field(default=DatabaseLocation.INCLUSTER, strict=False)
    pipelines_database_size: Quantity = "2Gi"
    objects: ObjectsLocation = Field(default=ObjectsLocation.INCLUSTER, strict=False)
    objects_size: Quantity = "10Gi"
    """Size of the volume in the cluster; S3 has none."""
    rds: RdsSettings = RdsSettings()
    s3: S3Settings = S3Settings()
