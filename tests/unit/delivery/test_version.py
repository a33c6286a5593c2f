"""The name of a version."""

from delivery.version import Version


def test_a_version_has_the_labels_of_its_series() -> None:
    version = Version(namespace="models", model_name="wine", number="7")
    assert version.labels == {"namespace": "models", "model_name": "wine", "version": "7"}
    assert str(version) == "version 7 of wine in models"
