"""Names of what a team has for itself."""

from infra.parts.tenant import Tenant, teams, tenants
from infra.settings import reader

CLUSTER = {"kind": "kubeconfig", "name": "local"}


def test_the_stacks_own_names_are_those_that_clients_know() -> None:
    own = Tenant()
    assert (own.servers_namespace, own.runs_namespace, own.models_namespace) == ("kubeflow", "runs", "models")
    assert (own.pipelines, own.bucket, own.store_account) == ("pipelines", "pipelines", "pipelines")
    assert own.databases == {"mlpipeline": "kfp", "metadb": "mlmd"}
    assert own.rights_namespace == "kubeflow"
    assert own.localhost == "/"
    assert own.namespaces == ("runs", "models", "kubeflow")


def test_a_team_has_each_of_them_under_its_own_name() -> None:
    team = Tenant(team="data-science")
    assert team.servers_namespace == team.pipelines == team.bucket == "pipelines-data-science"
    assert team.runs_namespace == team.models_namespace == team.rights_namespace == "data-science"
    assert team.databases == {
        "mlpipeline_data_science": "kfp_data_science",
        "metadb_data_science": "mlmd_data_science",
    }
    assert {each.key for each in team.passwords.values()} == {
        "pipelinesDatabasePassword-data-science",
        "metadataDatabasePassword-data-science",
    }
    assert team.passwords.keys() == set(team.databases.values())
    assert team.store_key.key == "pipelinesObjectStoreKey-data-science"
    assert team.localhost == "/teams/data-science"
    assert team.prometheus == "prometheus-data-science"
    assert team.namespaces == ("data-science", "pipelines-data-science")


def test_no_two_teams_share_a_name() -> None:
    one, other, own = Tenant(team="a-b"), Tenant(team="b"), Tenant()
    for name in ("servers_namespace", "runs_namespace", "bucket", "pipelines_database", "localhost"):
        assert len({getattr(each, name) for each in (one, other, own)}) == 3, name


def test_a_team_may_do_without_pipelines() -> None:
    given = [{"name": "research"}, {"name": "visitors", "pipelines": False}]
    settings = reader.parse({"cluster": CLUSTER, "teams": given})
    assert [each.team for each in teams(settings)] == ["research"]
    assert [each.team for each in tenants(settings)] == ["", "research"]
