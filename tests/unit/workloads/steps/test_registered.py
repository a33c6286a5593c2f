"""Versions by number and by alias."""

from pathlib import Path

import mlflow
import pytest

from tests.unit.workloads.steps.trained import trained
from workloads.steps.registered import registered


def test_a_version_is_found_by_number_and_by_alias_or_refused_with_those_there_are(
    step_environment: Path,
) -> None:
    client = mlflow.MlflowClient()
    with pytest.raises(ValueError, match=r"^model wine: is not registered; run train_register_serve first$"):
        registered(client, "wine", "champion")
    mlflow.register_model(f"models:/{trained(step_environment).model_id}", "wine")
    with pytest.raises(
        ValueError, match=r"^model wine: has no version 'champion'; it has versions 1 and the aliases none$"
    ):
        registered(client, "wine", "champion")
    client.set_registered_model_alias("wine", "champion", "1")
    assert str(registered(client, "wine", "champion").version) == "1"
    assert str(registered(client, "wine", "1").version) == "1"
    with pytest.raises(ValueError, match=r"has no version '2'; it has versions 1 and the aliases champion$"):
        registered(client, "wine", "2")
