"""Labels of a test, which must not make the platform train a model by itself in the middle of it."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

from workloads.endpoints import Endpoints
from workloads.retraining.records import Attempt
from workloads.serving.inference_services import InferenceServices
from workloads.tracking import connect


@contextmanager
def none_begins(endpoints: Endpoints, model_name: str) -> Generator[None]:
    """Put a retraining on record that has just begun, so that alerts wait for the cool-down until the end."""
    mlflow = connect(endpoints)
    # Of any version of the model: that with most requests is there as long as the block.
    weights = InferenceServices(endpoints).weights(model_name)
    version = max(weights, key=lambda each: weights[each])
    attempt = Attempt(at=datetime.now(UTC).isoformat(timespec="seconds"), reason="retrain: test")
    mlflow.set_model_version_tag(model_name, version, attempt.tag, attempt.to_json())
    try:
        yield
    finally:
        mlflow.delete_model_version_tag(model_name, version, attempt.tag)
