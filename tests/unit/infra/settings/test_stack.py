"""What follows from a stack's choices without any of them saying so."""

from typing import Any

import pytest
from pydantic import ValidationError

from infra.settings import stack
from infra.settings.reader import parse

EKS: dict[str, Any] = {
    "kind": "eks",
    "name": "acme",
    "account": "111122223333",
    "region": "eu-west-1",
    "availabilityZones": ["eu-west-1a", "eu-west-1b"],
    "kubernetesVersion": "1.36",
    "administrators": ["arn:aws:iam::111122223333:role/administrator"],
}


def on_aws(**more: Any) -> stack.Settings:
    return parse({"cluster": EKS, **more})


def on_this_machine(**more: Any) -> stack.Settings:
    return parse({"cluster": {"kind": "kubeconfig", "name": "local"}, **more})


def test_a_stack_on_aws_pulls_its_own_images_from_the_accounts_registry() -> None:
    assert on_aws().registry == "111122223333.dkr.ecr.eu-west-1.amazonaws.com/acme"


@pytest.mark.parametrize("choose", [on_aws, on_this_machine])
def test_a_named_registry_wins_everywhere(choose: Any) -> None:
    assert choose(images={"registry": "registry.example.org/ours"}).registry == "registry.example.org/ours"


def test_a_cluster_of_this_machine_has_no_registry_prefix() -> None:
    assert on_this_machine().registry == ""


def test_buckets_on_aws_begin_with_cluster_and_account() -> None:
    assert on_aws().bucket_prefix == "acme-111122223333"


def test_a_given_bucket_prefix_wins() -> None:
    storage = {"objects": "s3", "s3": {"bucketPrefix": "shared"}}
    assert on_aws(storage=storage).bucket_prefix == "shared"


def test_a_cluster_of_this_machine_gives_its_buckets_its_own_name() -> None:
    assert on_this_machine().bucket_prefix == "local"


def test_secret_keys_are_those_of_the_configuration() -> None:
    keys = stack.secret_keys()
    assert len(keys) == len(set(keys))
    assert {"trackingDatabasePassword", "webhookKey"} <= set(keys)
    assert not [key for key in keys if "_" in key]


def test_settings_cannot_be_changed_once_they_are_checked() -> None:
    settings = on_aws()
    with pytest.raises(ValidationError, match="frozen"):
        settings.protect = True  # pyright: ignore[reportAttributeAccessIssue]
