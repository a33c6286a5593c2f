"""Teams that could not be told apart, or that nobody could use, are refused in one line."""

from typing import Any

import pytest

from infra.errors import SettingsError
from infra.settings import reader
from infra.settings.sections import mib
from infra.settings.team_rules import LEAST_MEMORY, LEAST_PODS
from tests.fixtures import manifests, platform
from workloads.pipelines.surroundings import STEP_MEMORY

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
    assert "teams.research.members names groups, but identity.kind is local" in refused(team)
    assert "but identity.kind is none" in refused(team, identity={"kind": "none"})
    assert reader.parse({"cluster": CLUSTER, "teams": [team], "identity": OIDC})


@pytest.mark.parametrize("name", ["a,b", "a|oidc:admins", "system:masters", " a", "a ", ""])
def test_a_group_that_no_token_could_carry_by_its_name_is_refused(name: str) -> None:
    assert "teams.0.members.0 is" in refused({"name": "research", "members": [name]}, identity=OIDC)
    assert reader.parse({"cluster": CLUSTER, "identity": {**OIDC, "members": ["Data Science", "/a/b", "x"]}})


@pytest.mark.parametrize(
    ("key", "given", "least"), [("memory", "900Mi", LEAST_MEMORY), ("pods", 2, LEAST_PODS)]
)
def test_a_quota_in_which_no_run_ends_is_refused(key: str, given: object, least: object) -> None:
    line = refused({"name": "research", "quota": {key: given}})
    assert (
        f"teams.research.quota.{key} is {given}, and a run that replaces a model never ends with it" in line
    )
    assert f"give at least {least}, or leave it out" in line
    for team in ({"quota": {key: least}}, {"quota": {key: given}, "pipelines": False}):
        assert reader.parse({"cluster": CLUSTER, "teams": [{"name": "research", **team}]})


def test_the_least_quota_has_room_for_a_step_and_two_versions_of_a_model() -> None:
    objects = [*manifests.objects(platform.stack("teams").registrations)]
    (model, *_) = [
        each["spec"]["containers"][0]["resources"]["requests"]["memory"]
        for each in objects
        if each["kind"] == "ClusterServingRuntime"
    ]
    assert 2 * mib(model) + mib(STEP_MEMORY) < mib(LEAST_MEMORY)


def test_a_bucket_of_a_team_must_have_a_name_that_s3_allows() -> None:
    from infra.settings import stack_file

    text = stack_file.read(stack_file.path("prod"))["config"]
    values = {key.removeprefix("plinth:"): each for key, each in text.items()}
    values["teams"] = [{"name": "a" * 32}]
    with pytest.raises(SettingsError, match=f"gives the bucket .*pipelines-{'a' * 32}"):
        reader.parse({**values, "storage": {**values["storage"], "s3": {"bucketPrefix": "p" * 30}}})
