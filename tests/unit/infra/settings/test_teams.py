"""Settings of teams."""

import pytest

from infra.errors import SettingsError
from infra.settings import reader
from infra.settings.teams import TeamQuota

CLUSTER = {"kind": "kubeconfig", "name": "local"}


def test_a_quota_bounds_what_it_names_and_nothing_else() -> None:
    given = {"cpu": 4, "memory": "8Gi", "storage": "20Gi", "pods": 30, "models": 5}
    assert TeamQuota.model_validate(given).as_kubernetes() == {
        "requests.cpu": "4",
        "requests.memory": "8Gi",
        "requests.storage": "20Gi",
        "pods": "30",
        "count/inferenceservices.serving.kserve.io": "5",
    }
    assert TeamQuota(models=0).as_kubernetes() == {"count/inferenceservices.serving.kserve.io": "0"}


@pytest.mark.parametrize("name", ["Research", "data_science", "9lives", "a" * 33, "dash-"])
def test_a_name_that_is_no_dns_label_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=r"plinth:teams\.0\.name is"):
        reader.parse({"cluster": CLUSTER, "teams": [{"name": name}]})
