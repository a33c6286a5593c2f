"""The record of a stack's choices: names that follow from others, and secrets apart from settings."""

from infra.parts import SECRET_KEYS
from infra.settings import reader, stack_file
from infra.settings.stack import Settings


def test_secrets_have_keys_of_their_own_that_settings_do_not_hold() -> None:
    sections = {field.alias or name for name, field in Settings.model_fields.items()}
    assert SECRET_KEYS
    assert not sections & set(SECRET_KEYS)


def test_on_aws_registry_and_buckets_are_the_accounts_own() -> None:
    chosen = stack_file.settings("dev")
    assert chosen.registry == "111122223333.dkr.ecr.us-east-1.amazonaws.com/plinth-dev"
    assert chosen.bucket_prefix == "plinth-dev-111122223333"
    assert reader.parse({"cluster": {"kind": "kubeconfig", "name": "local"}}).registry == ""
