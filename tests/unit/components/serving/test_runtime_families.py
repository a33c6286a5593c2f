"""What the deploy step chooses a runtime from."""

import json

from components.serving.runtime_families import RuntimeFamily, described


def test_the_default_comes_first_and_substitutes_count_as_what_they_stand_for() -> None:
    boosting = RuntimeFamily(name="boosting", image="", packages={"xgboost-cpu": "3.2.0"})
    sklearn = RuntimeFamily(name="sklearn", image="image", packages={"mlflow-skinny": "3.17.2"})
    assert json.loads(described([boosting, sklearn], {"sklearn": "mlflow-abc"})) == [
        {
            "family": "sklearn",
            "runtime": "mlflow-abc",
            "packages": {"mlflow-skinny": "3.17.2", "mlflow": "3.17.2"},
        },
        {"family": "boosting", "runtime": "", "packages": {"xgboost-cpu": "3.2.0", "xgboost": "3.2.0"}},
    ]
