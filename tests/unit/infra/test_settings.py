"""Settings: defaults, and one clear line for every wrong key and value."""

import json
from typing import Any

import pytest

from infra import settings, stack_file
from infra.errors import SettingsError

CLUSTER: dict[str, Any] = {"kind": "kubeconfig", "name": "local"}


def test_a_stack_need_only_name_its_cluster() -> None:
    parsed = settings.parse({"cluster": CLUSTER})
    assert parsed.gateway.domain == "plinth.local"
    assert parsed.storage.objects is settings.Location.INCLUSTER
    assert not parsed.protect


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "plinth:cluster is missing"),
        (
            {"cluster": CLUSTER, "gatway": {}},
            "plinth:gatway is not a setting; allowed here: cluster, gateway",
        ),
        (
            {"cluster": CLUSTER, "gateway": {"port": 1}},
            "plinth:gateway.port is not a setting; allowed here: domain, nodePort",
        ),
        (
            {"cluster": CLUSTER, "gateway": {"nodePort": "x"}},
            'plinth:gateway.nodePort is "x"; it must be a valid integer',
        ),
        (
            {"cluster": CLUSTER, "gateway": {"nodePort": 80}},
            "plinth:gateway.nodePort is 80; it must be greater than or equal to 30000",
        ),
        (
            {"cluster": CLUSTER, "gateway": {"domain": "Not A Domain"}},
            'plinth:gateway.domain is "Not A Domain"; it must match pattern',
        ),
        (
            {"cluster": CLUSTER, "storage": {"postgres": "rds"}},
            "plinth:storage.postgres is \"rds\"; it must be 'incluster'",
        ),
        (
            {"cluster": {"kind": "eks", "name": "a"}},
            "plinth:cluster.kind is \"eks\"; it must be 'kubeconfig'",
        ),
        (
            {"cluster": CLUSTER, "protect": "sometimes"},
            'plinth:protect is "sometimes"; it must be a valid boolean',
        ),
        ({"cluster": CLUSTER | {"name": "CHANGEME"}}, "plinth:cluster.name is still CHANGEME"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse(values)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_wrong_setting_is_in_the_one_error() -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse({"cluster": CLUSTER, "gatway": {}, "gateway": {"nodePort": "x"}})
    assert "plinth:gatway" in str(caught.value)
    assert "plinth:gateway.nodePort" in str(caught.value)


def test_the_schema_of_stack_files_is_fresh() -> None:
    stored = json.loads((stack_file.STACKS / "schema.json").read_text())
    assert stored == settings.schema(), "run `python -m infra schema > stacks/schema.json`"


def test_secrets_have_keys_of_their_own_that_settings_do_not_hold() -> None:
    sections = {field.alias or name for name, field in settings.Settings.model_fields.items()}
    assert settings.secret_keys()
    assert not sections & set(settings.secret_keys())
