"""Settings: defaults, and one clear line for every wrong key and value."""

import json
from typing import Any

import pytest

from infra.errors import SettingsError
from infra.parts import SECRET_KEYS
from infra.settings import reader, stack_file

CLUSTER: dict[str, Any] = {"kind": "kubeconfig", "name": "local"}


def test_a_stack_need_only_name_its_cluster() -> None:
    parsed = reader.parse({"cluster": CLUSTER})
    assert parsed.gateway.domain == "plinth.localhost"
    assert parsed.storage.objects == "incluster"
    assert not parsed.protect


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "plinth:cluster is missing"),
        (
            {"cluster": CLUSTER, "gatway": {}},
            "plinth:gatway is not a setting; allowed here: budget, cluster, drift, environment, gateway",
        ),
        (
            {"cluster": CLUSTER, "gateway": {"port": 1}},
            "plinth:gateway.port is not a setting; allowed here: certificateArn, domain, inFlight",
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
            {"cluster": CLUSTER, "storage": {"postgres": "s3"}},
            "plinth:storage.postgres is \"s3\"; it must be 'incluster' or 'rds'",
        ),
        (
            {"cluster": {"kind": "gke", "name": "a"}},
            "plinth:cluster.kind is \"gke\"; it must be 'kubeconfig' or 'eks'",
        ),
        ({"cluster": {"name": "a"}}, "plinth:cluster.kind is missing"),
        (
            {"cluster": {"kind": "eks", "name": "a", "logDays": 31}},
            "plinth:cluster.logDays is 31; it must be 1, 3, 5, 7, 14, 30,",
        ),
        ({"cluster": {"kind": "eks", "name": "a"}}, "plinth:cluster.kubernetesVersion is missing"),
        (
            {"cluster": {"kind": "eks", "name": "a", "systemPool": {"maximum": 1}}},
            "plinth:cluster.systemPool.maximum is not a setting; allowed here: capacityType, diskGib",
        ),
        (
            {"cluster": CLUSTER, "gpuPools": [{"name": "a", "sharing": {"kind": "mig", "profile": 7}}]},
            "plinth:gpuPools.0.sharing.profile is 7; it must be a valid string",
        ),
        (
            {"cluster": CLUSTER, "teams": [{"name": "a", "gpuQuota": {"pool": -1}}]},
            "plinth:teams.0.gpuQuota.pool is -1; it must be greater than or equal to 0",
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
        reader.parse(values)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_wrong_setting_is_in_the_one_error() -> None:
    with pytest.raises(SettingsError) as caught:
        reader.parse({"cluster": CLUSTER, "gatway": {}, "gateway": {"nodePort": "x"}})
    assert "plinth:gatway" in str(caught.value)
    assert "plinth:gateway.nodePort" in str(caught.value)


def test_the_schema_of_stack_files_is_fresh() -> None:
    stored = json.loads((stack_file.STACKS / "schema.json").read_text())
    assert stored == reader.schema(SECRET_KEYS), "run `python -m infra schema > stacks/schema.json`"
