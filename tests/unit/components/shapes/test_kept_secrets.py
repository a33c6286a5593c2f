"""Kept secrets: one resource each, encrypted, whose input only a replacement takes."""

import pulumi
import pytest

from components.shapes.kept_secrets import KeptSecrets, KeptSecretsArgs
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

INITIAL = {"password": {"password": "first"}, "hooks": {"hookKey": "second", "hookCertificate": "third"}}


def deployed() -> Deployment[KeptSecrets]:
    return deploy(lambda: KeptSecrets("secrets", KeptSecretsArgs(initial=INITIAL, renewals={"hooks": 7})))


def test_each_secret_is_one_resource_below_the_component() -> None:
    deployment = deployed()
    rules.assert_children_of_one_component(deployment, "KeptSecrets")
    stashes = deployment.of_type("pulumi:index:Stash")
    assert [each.name for each in stashes] == ["secrets-password", "secrets-hooks"]


def test_values_are_encrypted_and_no_update_changes_them() -> None:
    for each in deployed().of_type("pulumi:index:Stash"):
        assert "input" in each.secret_inputs, each.name
        assert each.ignore_changes == ("input",), each.name


def test_what_expires_is_replaced_when_its_number_changes() -> None:
    triggers = {each.name: each.replacement_trigger for each in deployed().of_type("pulumi:index:Stash")}
    assert triggers == {"secrets-password": None, "secrets-hooks": 7}


def test_every_value_is_known_by_its_key_and_is_secret() -> None:
    seen: dict[str, str] = {}
    secret: dict[str, bool] = {}

    def program() -> None:
        values = KeptSecrets("secrets", KeptSecretsArgs(initial=INITIAL)).values
        for key, value in values.items():
            value.apply(lambda known, key=key: seen.update({key: known}))
            pulumi.Output.from_input(value.is_secret()).apply(lambda is_, key=key: secret.update({key: is_}))

    deploy(program)
    assert seen == {"password": "first", "hookKey": "second", "hookCertificate": "third"}
    assert secret == dict.fromkeys(seen, True)


def test_a_key_of_two_secrets_is_refused() -> None:
    with pytest.raises(ValueError, match="give every value a key of its own"):
        KeptSecretsArgs(initial={"one": {"key": "a"}, "two": {"key": "b"}})
