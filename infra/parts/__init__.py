"""The parts of the platform: one record per file, in order of deployment."""

from infra.parts.delivery import DELIVERY
from infra.parts.gateway import GATEWAY
from infra.parts.gpus import GPUS
from infra.parts.identity import IDENTITY
from infra.parts.monitoring import MONITORING
from infra.parts.nodes import NODES
from infra.parts.part import Part
from infra.parts.pipelines import PIPELINES
from infra.parts.queues import QUEUES
from infra.parts.secrets import Secret
from infra.parts.serving import SERVING
from infra.parts.stores.object_store import OBJECT_STORE
from infra.parts.stores.pipelines_database import PIPELINES_DATABASE
from infra.parts.stores.rds_pipelines_database import RDS_PIPELINES_DATABASE
from infra.parts.stores.rds_tracking_database import RDS_TRACKING_DATABASE
from infra.parts.stores.s3_object_store import S3_OBJECT_STORE
from infra.parts.stores.tracking_database import TRACKING_DATABASE
from infra.parts.teams import TEAMS
from infra.parts.tracking import TRACKING
from infra.parts.training import TRAINING
from infra.parts.tuning import TUNING

PARTS: tuple[Part, ...] = (
    # First: GPU nodes start while the platform is installed.
    NODES,
    GATEWAY,
    OBJECT_STORE,
    S3_OBJECT_STORE,
    TRACKING_DATABASE,
    RDS_TRACKING_DATABASE,
    PIPELINES_DATABASE,
    RDS_PIPELINES_DATABASE,
    TRACKING,
    SERVING,
    PIPELINES,
    GPUS,
    QUEUES,
    TEAMS,
    TUNING,
    TRAINING,
    DELIVERY,
    IDENTITY,
    # Last: it monitors all others.
    MONITORING,
)

SECRETS_NAME = "secrets"
"""Name of the component that keeps all secrets; the names of its children begin with it."""

SECRETS: tuple[Secret, ...] = tuple(dict.fromkeys(secret for part in PARTS for secret in part.secrets))
"""Secrets of all parts; every stack gets all of them, so that parts can be enabled later."""

SECRET_KEYS: tuple[str, ...] = tuple(key for secret in SECRETS for key in secret.keys)
"""Their configuration keys, without the project's prefix."""

IMAGES: tuple[str, ...] = tuple(sorted({name for part in PARTS for name in part.images}))
"""Short names of the images of all parts."""
