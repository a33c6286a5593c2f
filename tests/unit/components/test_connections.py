import dataclasses

import pulumi
import pytest

from tests.fixtures.recorder import deploy
from tests.unit.components import sample


@pytest.mark.parametrize(("secure", "url"), [(False, "http://s3:1"), (True, "https://s3:1")])
def test_the_address_of_an_object_store_has_its_scheme(secure: bool, url: str) -> None:
    def program() -> None:
        store = dataclasses.replace(sample.artifacts(), endpoint="s3:1", secure=secure)
        component = pulumi.ComponentResource("test:index:Probe", "probe")
        component.register_outputs({"url": store.url})

    assert deploy(program).output("probe") == {"url": url}


def test_a_connection_cannot_be_changed_on_the_way() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        sample.postgres().host = "elsewhere"  # pyright: ignore[reportAttributeAccessIssue]


def test_an_object_store_without_keys_is_reached_by_identity() -> None:
    assert sample.keyless_artifacts().keyless
    assert not sample.artifacts().keyless


def test_half_a_pair_of_keys_is_refused() -> None:
    with pytest.raises(ValueError, match="access_key, secret_key: one of the two is missing"):
        dataclasses.replace(sample.artifacts(), access_key=None)
