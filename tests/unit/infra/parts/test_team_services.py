"""A team has pipelines and models for itself, and none of another's."""

import json
from typing import Any

from components.connections import Folder
from infra.parts import PARTS
from infra.parts.plan import plan
from infra.settings import reader
from infra.settings.stack import Settings
from tests.fixtures import platform
from tests.fixtures.recorder import Deployment, Registration

CLUSTER = {"kind": "kubeconfig", "name": "local"}


def settings(**more: object) -> Settings:
    teams = [{"name": "research"}, {"name": "applied", "pipelines": False}]
    return reader.parse({"cluster": CLUSTER, "teams": teams, **more})


def deployed() -> Deployment[Any]:
    return platform.deployed(settings())


def _namespaced(deployment: Deployment[Any], kind: str, namespace: str) -> set[str]:
    found = (each.inputs["metadata"] for each in deployment.of_type(kind))
    return {each["name"] for each in found if each.get("namespace") == namespace}


def test_its_servers_are_apart_from_what_it_runs() -> None:
    deployment = deployed()
    servers = {
        "metadata-grpc",
        "ml-pipeline",
        "ml-pipeline-persistenceagent",
        "ml-pipeline-scheduledworkflow",
        "workflow-controller",
    }
    assert _namespaced(deployment, "Deployment", "pipelines-research") == servers
    assert _namespaced(deployment, "Deployment", "kubeflow") == {*servers, "mysql"}
    assert not _namespaced(deployment, "Deployment", "research")
    assert _namespaced(deployment, "ServiceAccount", "research") == {"pipeline-runner", "model-storage"}
    # Passwords of databases are where no step can mount them.
    assert _namespaced(deployment, "Secret", "research") == {"mlpipeline-minio-artifact", "model-storage"}


def test_what_a_cluster_has_once_is_created_once() -> None:
    deployment = deployed()
    named = [
        (each.inputs.get("kind") or each.type, each.inputs["metadata"]["name"])
        for each in deployment.registrations
        if each.custom and each.inputs.get("metadata") and not each.inputs["metadata"].get("namespace")
    ]
    assert len(named) == len(set(named))
    (priority,) = [each for each in deployment.of_type("PriorityClass") if "argo" in each.name]
    assert priority.name == "pipelines-argo-priority"
    definitions = {each.name for each in deployment.of_type("ConfigGroup") if "pipelines" in each.name}
    assert definitions == {"pipelines-definitions", "pipelines-argo-definitions"}


def test_its_servers_start_beside_those_of_the_stack_and_after_what_these_define() -> None:
    deployment = deployed()
    servers = [
        each
        for each in deployment.of_type("Deployment")
        if each.inputs["metadata"]["namespace"] == "pipelines-research"
    ]
    assert len(servers) == 5
    defined = {"pipelines-definitions", "pipelines-argo-definitions", "pipelines-argo-priority"}
    for server in servers:
        waits = _awaited(deployment, server)
        assert defined <= {each.name for each in waits}, server.name
        started = {
            (each.inputs["metadata"]["namespace"], each.inputs["metadata"]["name"])
            for each in waits
            if each.type.endswith(":Deployment")
        }
        # Of the stack's own pipelines its databases alone.
        assert {name for namespace, name in started if namespace == "kubeflow"} <= {"mysql"}, server.name


def _awaited(deployment: Deployment[Any], registration: Registration) -> list[Registration]:
    """Return what must be there before a resource, also for the sake of the components around it."""
    known = {each.urn: each for each in deployment.registrations}
    found: dict[str, Registration] = {}
    left = [registration.urn]
    while left:
        each = known.get(left.pop())
        if each is None or each.urn in found:
            continue
        found[each.urn] = each
        above = known.get(each.parent)
        while above:
            left += above.dependencies
            above = known.get(above.parent)
        left += each.dependencies
    del found[registration.urn]
    return [*found.values()]


def test_its_databases_bucket_and_secrets_are_its_own() -> None:
    made = plan(settings(), PARTS)
    assert {each.name: each.owner for each in made.buckets} == {
        "mlflow": "tracking",
        "pipelines": "pipelines",
        "pipelines-research": "pipelines-research",
        "payloads": "delivery",
    }
    names = {secret.name for secret in made.secrets if secret.name.endswith("-research")}
    assert names == {
        "metadataDatabasePassword-research",
        "pipelinesDatabasePassword-research",
        "pipelinesObjectStoreKey-research",
        "servingObjectStoreKey-research",
    }
    (artifacts,) = [each for each in made.buckets if each.name == "mlflow"]
    folder = Folder(bucket="mlflow", prefix="workspaces/research/", reader="serving-research")
    assert artifacts.folders == (folder,)
    deployment = deployed()
    without = platform.deployed(reader.parse({"cluster": CLUSTER}))
    for server in ("mysql-server", "object-store-server"):
        # It creates or knows the accounts of teams from its start on.
        assert _read_at_start(deployment, server) != _read_at_start(without, server)


def _read_at_start(deployment: Deployment[Any], server: str) -> str:
    template = deployment.one("Deployment", server).inputs["spec"]["template"]
    return template["metadata"]["annotations"]["plinth.dev/reads-at-start"]


def test_its_servers_alone_reach_its_databases_besides_those_of_the_stack() -> None:
    made = plan(settings(), PARTS)
    assert made.clients("pipelines-database") == ("kubeflow", "pipelines-research")
    assert made.clients("tracking") == ("delivery", "gateway", "runs")
    assert made.clients("pipelines-research") == ("gateway",)


def test_steps_of_a_team_reach_its_own_servers_and_deploy_in_its_own_namespace() -> None:
    deployment = deployed()
    policy = deployment.one("NetworkPolicy", "pipelines-research-steps-policy").inputs["spec"]
    servers = {
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for rule in policy["egress"]
        for port in rule.get("ports", ())
        if port["port"] in (8080, 8887, 8888)
        for peer in rule["to"]
    }
    assert servers == {"pipelines-research"}
    values = deployment.one("ConfigMap", "pipelines-research-steps-plinth-endpoints").inputs["data"]
    assert values["PLINTH_MODELS_NAMESPACE"] == "research"
    assert values["MLFLOW_TRACKING_URI"] == "http://mlflow-research.mlflow:5000"


def test_its_hosts_and_its_outputs_name_it() -> None:
    made = plan(settings(), PARTS)
    hosts = {each.host: (each.namespace, each.rights_in) for each in made.routes}
    assert hosts["pipelines-research"] == ("pipelines-research", "research")
    assert hosts["mlflow-research"] == ("mlflow", "research")
    assert hosts["MODEL-research"] == ("research", "")
    assert not [host for host in hosts if "applied" in host]
    found = deployed().result
    assert found["team_research"]["pipelines_bucket"] == "pipelines-research"
    assert "team_applied" not in found


def test_groups_of_a_team_get_roles_in_its_namespace_alone() -> None:
    oidc = {"kind": "oidc", "issuer": "https://login.example.com", "clientId": "plinth", "members": ["all"]}
    teams = [{"name": "research", "members": ["scientists"], "callers": ["shop"]}, {"name": "applied"}]
    deployment = platform.deployed(reader.parse({"cluster": CLUSTER, "teams": teams, "identity": oidc}))
    bound = {
        (subject["name"], each.inputs["metadata"]["namespace"], each.inputs["roleRef"]["name"])
        for each in deployment.of_type("RoleBinding")
        for subject in each.inputs["subjects"]
        if subject["kind"] == "Group"
    }
    own = {(namespace, role) for group, namespace, role in bound if group == "oidc:scientists"}
    assert own == {("research", "plinth:member"), ("research", "plinth:promoter")}
    assert {each[1:] for each in bound if each[0] == "oidc:shop"} == {("research", "plinth:caller")}
    everybody = {namespace for group, namespace, _ in bound if group == "oidc:all"}
    assert everybody == {"kubeflow", "mlflow", "models", "monitoring"}
    runners = {
        (subject["namespace"], each.inputs["metadata"]["namespace"])
        for each in deployment.of_type("RoleBinding")
        if each.inputs["roleRef"]["name"] == "plinth:caller"
        for subject in each.inputs["subjects"]
        if subject["kind"] == "ServiceAccount"
    }
    assert runners == {("runs", "models"), ("research", "research"), ("applied", "applied")}


def test_its_workspace_admits_its_pods_the_gateway_and_who_names_the_champion_alone() -> None:
    deployment = deployed()
    policies = {each.name: each.inputs["spec"] for each in deployment.of_type("NetworkPolicy")}
    for proxy, wanted in {
        "mlflow-research-proxy": ["delivery", "research", "gateway"],
        "mlflow-proxy": ["delivery", "gateway", "runs"],
    }.items():
        (rule,) = policies[f"{proxy}-policy"]["ingress"]
        found = [
            each["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for each in rule["from"]
        ]
        assert sorted({*found}) == sorted(wanted)


def test_its_models_are_those_of_its_own_workspace() -> None:
    policies = {
        each.inputs["metadata"]["name"]: json.dumps(each.inputs["spec"])
        for each in deployed().of_type("kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy")
    }
    (own,) = [text for name, text in policies.items() if name.startswith("models-research")]
    assert "startsWith('s3://mlflow/workspaces/research/')" in own
