"""Teams that could not be told apart, or that nobody could use, are refused in one line."""

from typing import Any

import pytest

from infra.errors import SettingsError
from infra.settings import reader

CLUSTER = {"kind": "kubeconfig", "name": "local"}
OIDC = {"kind": "oidc", "issuer": "https://login.example.com", "clientId": "plinth", "members": ["all"]}


def refused(*teams: dict[str, Any], **more: object) -> str:
    with pytest.raises(SettingsError) as caught:
        reader.parse({"cluster": CLUSTER, "teams": [*teams], **more})
    (line,) = str(caught.value).splitlines()
    return line


@pytest.mark.parametrize("name", ["pipelines", "mlflow", "login", "objects"])
def test_the_name_of_a_host_is_no_name_for_a_team(name: str) -> None:
    assert f"teams names {name}, which is a host of the platform" in refused({"name": name})


def test_names_whose_models_could_have_one_host_are_refused() -> None:
    # Model `m-a` of team `b` and model `m` of team `a-b` would both be at m-a-b.
    assert "teams names a-b, which ends like b" in refused({"name": "b"}, {"name": "a-b"})
    assert "teams names my-models, which ends like models" in refused({"name": "my-models"})
    assert reader.parse({"cluster": CLUSTER, "teams": [{"name": "abc"}, {"name": "bc"}]})


@pytest.mark.parametrize(("name", "reason"), [("x", "two characters"), ("api", "a path of MLflow")])
def test_names_that_mlflow_refuses_for_a_workspace_are_refused(name: str, reason: str) -> None:
    assert f"teams names {name}, " in refused({"name": name})
    assert reason in refused({"name": name})


def test_a_team_without_pipelines_has_no_workspace() -> None:
    assert reader.parse({"cluster": CLUSTER, "teams": [{"name": "x", "pipelines": False}]})


def test_two_teams_of_one_name_are_refused() -> None:
    assert "teams lists 'a' twice" in refused({"name": "a"}, {"name": "a"})


def test_groups_that_no_token_could_carry_are_refused() -> None:
    team = {"name": "research", "members": ["scientists"]}
    assert "teams.research.members names groups, but the stack has no login" in refused(team)
    assert "but a local login has one user" in refused(team, identity={"kind": "local"})
    assert reader.parse({"cluster": CLUSTER, "teams": [team], "identity": OIDC})


def test_a_bucket_of_a_team_must_have_a_name_that_s3_allows() -> None:
    from infra.settings import stack_file

    text = stack_file.read(stack_file.path("prod"))["config"]
    values = {key.removeprefix("plinth:"): each for key, each in text.items()}
    values["teams"] = [{"name": "a" * 32}]
    with pytest.raises(SettingsError, match=f"gives the bucket .*pipelines-{'a' * 32}"):
        reader.parse({**values, "storage": {**values["storage"], "s3": {"bucketPrefix": "p" * 30}}})
