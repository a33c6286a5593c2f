"""What MLflow opens for a database of Postgres: the store of `default_experiments`.

MLflow imports this module while it is itself half imported, so that the store has to come later.
"""

from typing import Any


def tracking_store(store_uri: str, artifact_uri: str | None = None) -> Any:
    """Return the store of the database with this URI."""
    from default_experiments import DefaultExperiments

    return DefaultExperiments(store_uri, artifact_uri)
