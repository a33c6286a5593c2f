"""What MLflow opens for a database of Postgres: the store of `default_experiments`.

MLflow imports this module while it is itself half imported, so that the rest has to come later.
"""

import os
from typing import Any


def tracking_store(store_uri: str, artifact_uri: str | None = None) -> Any:
    """Return the store of the database with this URI.

    The server also opens it as its own client, to look up a model, and gives no root of artifacts then.
    """
    from default_experiments import DefaultExperiments
    from mlflow.server.constants import ARTIFACT_ROOT_ENV_VAR

    return DefaultExperiments(store_uri, artifact_uri or os.environ.get(ARTIFACT_ROOT_ENV_VAR))
