"""What GET answers is true for the model."""

import json

import mlflow
from predictor.pages import pages

from tests.unit.images.serving_runtime import models


def test_lists_metadata_and_mlflows_own_pages() -> None:
    schema = models.columns(("city", "string", True), ("age", "double", False))
    found = pages(models.served(len, schema))
    assert json.loads(found["/v1/models"]) == json.loads(found["/v2/models"]) == {"models": ["wine"]}
    assert json.loads(found["/v1/models/wine"])["model_digest"] == models.DIGEST
    assert [each["name"] for each in json.loads(found["/v2/models/wine"])["inputs"]] == ["city", "age"]
    assert json.loads(found["/v2"])["extensions"] == ["binary_tensor_data"]
    assert found["/version"].decode() == mlflow.__version__
    assert found["/ping"] == b"\n"
