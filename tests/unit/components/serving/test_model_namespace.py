"""What models need in a namespace, whoever has it."""

import pytest

from components.serving.model_namespace import ModelNamespaceArgs
from tests.unit.components import sample


def test_a_namespace_whose_models_could_not_be_copied_is_refused() -> None:
    with pytest.raises(ValueError, match="stores: none given"):
        ModelNamespaceArgs(
            controller_namespace="kserve", gateway=sample.GATEWAY, artifacts=sample.artifacts(), stores=()
        )


def test_without_keys_no_store_is_named() -> None:
    args = ModelNamespaceArgs(
        controller_namespace="kserve", gateway=sample.GATEWAY, artifacts=sample.keyless_artifacts(), stores=()
    )
    assert args.artifacts.keyless
    assert args.stores == ()
