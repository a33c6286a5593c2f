"""The parts of the platform, one record in one file each; their order is the order of deployment."""

from infra.parts.gateway import GATEWAY
from infra.parts.gpus import GPUS
from infra.parts.monitoring import MONITORING
from infra.parts.nodes import NODES
from infra.parts.object_store import OBJECT_STORE
from infra.parts.part import Part
from infra.parts.pipelines import PIPELINES
from infra.parts.pipelines_database import PIPELINES_DATABASE
from infra.parts.rds_pipelines_database import RDS_PIPELINES_DATABASE
from infra.parts.rds_tracking_database import RDS_TRACKING_DATABASE
from infra.parts.s3_object_store import S3_OBJECT_STORE
from infra.parts.secrets import Secret
from infra.parts.serving import SERVING
from infra.parts.teams import TEAMS
from infra.parts.tracking import TRACKING
from infra.parts.tracking_database import TRACKING_DATABASE

PARTS: tuple[Part, ...] = (
    # First: GPU nodes start while the platform is installed.
    NODES,
    GATEWAY,
    OBJECT_STORE,
    S3_OBJECT_STORE,
    PIPELINES_DATABASE,
    RDS_PIPELINES_DATABASE,
    TRACKING_DATABASE,
    RDS_TRACKING_DATABASE,
    TRACKING,
    SERVING,
    PIPELINES,
    GPUS,
    TEAMS,
    # Last: it watches all of them.
    MONITORING,
)

SECRETS: tuple[Secret, ...] = tuple(dict.fromkeys(secret for part in PARTS for secret in part.secrets))
"""Every secret that some stack needs; each stack gets all, so that a part can be switched on later."""

SECRET_KEYS: tuple[str, ...] = tuple(key for secret in SECRETS for key in secret.keys)
"""Their configuration keys, without the project's prefix."""

IMAGES: tuple[str, ...] = tuple(sorted({name for part in PARTS for name in part.images}))
"""Every image that some stack uses."""
