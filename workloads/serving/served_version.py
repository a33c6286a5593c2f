"""The model version that an InferenceService serves, as the service's own annotations record it.

Embedded in the steps that write these annotations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final, Self

from workloads.errors import WorkloadsError

_PREFIX: Final = "plinth.dev/"


def annotation(field: str) -> str:
    """Return the annotation key of a field of `ServedVersion`."""
    return f"{_PREFIX}{field.replace('_', '-')}"


@dataclass(frozen=True, kw_only=True)
class ServedVersion:
    """A model version and where it came from. The deploy step writes these annotations; nothing else may."""

    model_name: str
    """Registered model; the InferenceService of a candidate has another name."""
    model_version: str
    """Version in the registry."""
    model_digest: str
    """Digest of the version's files."""
    mlflow_run_id: str
    """MLflow run that trained it."""
    data_sha256: str
    """SHA-256 of the training data."""
    pipeline_run_id: str
    """Pipeline run that registered and deployed it."""

    @classmethod
    def from_annotations(cls, annotations: Mapping[str, str]) -> Self:
        """Read a version from the annotations of an InferenceService; other annotations are ignored.

        Raises:
            WorkloadsError: an annotation is missing, so the service was not deployed by a pipeline.
        """
        missing = [key for each in fields(cls) if (key := annotation(each.name)) not in annotations]
        if missing:
            raise WorkloadsError(
                f"inference service without {', '.join(missing)}: not deployed by a pipeline; run one for it"
            )
        return cls(**{each.name: annotations[annotation(each.name)] for each in fields(cls)})

    def to_annotations(self) -> dict[str, str]:
        """Return the annotations that record this version."""
        return {annotation(each.name): str(getattr(self, each.name)) for each in fields(self)}
