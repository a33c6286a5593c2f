import pytest

from components.pipelines.pipelines_agent import AgentKind, PipelinesAgent, PipelinesAgentArgs
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

SERVER = network_policies.pods({"server": "true"})


def deployed(kind: AgentKind, *, preview: bool = False) -> Deployment[PipelinesAgent]:
    args = PipelinesAgentArgs(
        namespace="kubeflow",
        runs_namespace="runs",
        kind=kind,
        image=f"agents/{kind}:1",
        server=SERVER,
    )
    return deploy(lambda: PipelinesAgent("agent", args), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("kind", AgentKind)
def test_everything_is_labelled_restricted_and_below_the_component(kind: AgentKind, preview: bool) -> None:
    deployment = deployed(kind, preview=preview)
    rules.assert_children_of_one_component(deployment, "PipelinesAgent")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment, api_clients={"agent-agent"})


@pytest.mark.parametrize(
    ("kind", "token", "program"),
    [
        (AgentKind.REPORTER, "persistenceagent-sa-token", "persistence_agent"),
        (AgentKind.SCHEDULER, "scheduledworkflow-sa-token", "controller"),
    ],
)
def test_an_agent_shows_the_server_a_token_of_its_own(kind: AgentKind, token: str, program: str) -> None:
    pod = deployed(kind).pods()["agent-agent"]
    (container,) = pod["containers"]
    assert container["image"] == f"agents/{kind}:1"
    assert container["command"] == [program]
    assert "--namespace=runs" in container["args"]
    (volume,) = [each for each in pod["volumes"] if each["name"] == "token"]
    (source,) = volume["projected"]["sources"]
    assert source["serviceAccountToken"]["path"] == token
    assert source["serviceAccountToken"]["audience"] == "pipelines.kubeflow.org"


@pytest.mark.parametrize("kind", AgentKind)
def test_an_agent_reaches_the_kubernetes_api_and_the_server_alone(kind: AgentKind) -> None:
    (policy,) = rules.policies(deployed(kind)).values()
    assert policy["policyTypes"] == ["Egress"]
    assert policy["egress"][1]["to"] == [{"podSelector": {"matchLabels": {"server": "true"}}}]
    assert [[port["port"] for port in rule["ports"]] for rule in policy["egress"]] == [
        [443, 6443],
        [8888, 8887],
    ]


@pytest.mark.parametrize("kind", AgentKind)
def test_an_agents_rights_are_upstreams_in_the_namespace_of_runs(kind: AgentKind) -> None:
    deployment = deployed(kind)
    assert deployment.one("Role").inputs["rules"]
    assert deployment.one("Role").inputs["metadata"]["namespace"] == "runs"
    (subject,) = deployment.one("RoleBinding").inputs["subjects"]
    assert subject["namespace"] == "kubeflow"
    assert (
        deployment.one("RoleBinding").inputs["roleRef"]["name"]
        == deployment.one("Role").inputs["metadata"]["name"]
    )
    assert {"agent-account", "agent-binding", "agent-policy"} <= rules.before(
        deployment, deployment.one("Deployment")
    )
