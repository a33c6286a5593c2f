from components.shapes import network_policies
from components.tracking.team_workspace import TeamWorkspace, TeamWorkspaceArgs
from components.tracking.workspace_proxy import WorkspaceProxyArgs
from tests.fixtures.recorder import deploy
from tests.unit.components import rules, sample


def test_a_workspace_answers_only_when_it_is_there() -> None:
    import pulumi_kubernetes as kubernetes

    def make() -> TeamWorkspace:
        job = kubernetes.batch.v1.Job("made", metadata={"name": "made", "namespace": "mlflow"}, spec=None)
        proxy = WorkspaceProxyArgs(
            image="plinth/haproxy:abc",
            workspace="research",
            server="mlflow-server",
            clients=(network_policies.in_namespace("research"),),
            multipart=False,
            gateway=sample.GATEWAY,
            host="mlflow-research",
        )
        return TeamWorkspace(
            "mlflow-research", TeamWorkspaceArgs(namespace="mlflow", proxy=proxy, after=(job,))
        )

    deployment = deploy(make)
    assert {"made", "mlflow-research-proxy-server"} <= rules.before(deployment, deployment.one("Service"))
