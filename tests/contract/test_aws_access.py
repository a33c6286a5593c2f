"""On AWS no workload holds keys: clients of buckets have an identity, and clients of databases encrypt."""

from typing import Any

import pytest

from infra.parts import tenant
from infra.settings import stack_file
from simulation.aws.plan_rules import store_connections
from tests.fixtures import platform
from tests.fixtures.recorder import Registration
from tests.unit.components import rules
from tests.unit.components.aws import policies

# Staging is a smaller production.
STACKS = ("dev", "prod")
# Controllers that start and stop nodes; Karpenter runs only where a pool uses it.
SCALERS = {"dev": ("cluster-autoscaler",), "prod": ("cluster-autoscaler", "karpenter")}
_AGENT = {"ipBlock": {"cidr": "169.254.170.23/32"}}
_DATABASE_PORTS = {3306, 5432}
# Kubernetes creates it with the namespace.
_DEFAULT = ("models", "default")


def _objects(stack: str) -> list[dict[str, Any]]:
    """Return the objects of a stack's cluster; the recorder keeps the values of Secrets."""
    found: list[dict[str, Any]] = []
    for each in platform.stack(stack).registrations:
        if each.type.startswith("kubernetes:") and "metadata" in each.inputs:
            secret = {"stringData": rules.secret_data(each)} if "stringData" in each.inputs else {}
            found.append({"kind": each.type.rpartition(":")[2], **each.inputs, **secret})
    return found


def _associated(stack: str) -> dict[tuple[str, str], Registration]:
    return {
        (each.inputs["namespace"], each.inputs["serviceAccount"]): each
        for each in platform.stack(stack).of_type("PodIdentityAssociation")
    }


def _identified(stack: str) -> set[tuple[str, str]]:
    """Return the service accounts of the platform's own namespaces that have an identity."""
    namespaces = {each.inputs["metadata"]["name"] for each in platform.stack(stack).of_type("Namespace")}
    return {account for account in _associated(stack) if account[0] in namespaces}


def _egress(policy: dict[str, Any]) -> list[tuple[dict[str, Any], int]]:
    return [
        (to, port["port"])
        for rule in policy.get("egress", [])
        for to in rule.get("to", [])
        for port in rule.get("ports", [])
    ]


@pytest.mark.parametrize("stack", STACKS)
def test_no_workload_holds_a_key(stack: str) -> None:
    deployment = platform.stack(stack)
    rules.assert_no_keys(deployment)
    kinds = {each.type for each in deployment.registrations}
    assert not {kind for kind in kinds if "accessKey" in kind or kind.endswith(":User")}


@pytest.mark.parametrize("stack", STACKS)
def test_every_identity_belongs_to_a_service_account_that_exists(stack: str) -> None:
    accounts = {
        (each.inputs["metadata"]["namespace"], each.inputs["metadata"]["name"])
        for each in platform.stack(stack).of_type("ServiceAccount")
    }
    found = _identified(stack)
    teams = tenant.teams(stack_file.settings(stack))
    defaults = {_DEFAULT, *((each.models_namespace, "default") for each in teams)}
    assert found == {
        *((each.servers_namespace, "ml-pipeline") for each in teams),
        *((each.runs_namespace, "pipeline-runner") for each in teams),
        *((each.models_namespace, "model-storage") for each in teams),
        *defaults,
        ("delivery", "delivery"),
        ("kubeflow", "ml-pipeline"),
        ("runs", "pipeline-runner"),
        ("mlflow", "mlflow"),
        ("models", "model-storage"),
        *(("node-scaling", name) for name in SCALERS[stack]),
    }
    assert found - defaults <= accounts


@pytest.mark.parametrize("stack", STACKS)
def test_workloads_that_may_reach_the_credentials_agent_run_as_an_account_with_an_identity(
    stack: str,
) -> None:
    deployment = platform.stack(stack)
    clients = {
        (each.inputs["metadata"]["namespace"], tuple(sorted(selector.items())))
        for each in deployment.of_type("NetworkPolicy")
        for selector in [each.inputs["spec"]["podSelector"].get("matchLabels", {})]
        if (_AGENT, 80) in _egress(each.inputs["spec"])
    }
    # Runs, their API, MLflow, models and the delivery controller; a team has neither MLflow nor the last.
    teams = tenant.teams(stack_file.settings(stack))
    assert len(clients) == 5 + 3 * len(teams) + len(SCALERS[stack]), clients
    for each in deployment.of_type("Deployment"):
        template = each.inputs["spec"]["template"]
        namespace, labels = each.inputs["metadata"]["namespace"], template["metadata"]["labels"].items()
        if any(namespace == where and set(selector) <= labels for where, selector in clients):
            account = template["spec"].get("serviceAccountName", "default")
            assert (namespace, account) in _identified(stack), each.name


@pytest.mark.parametrize("stack", STACKS)
def test_servers_start_after_their_identity(stack: str) -> None:
    deployment = platform.stack(stack)
    for server, account in {"mlflow-server": "mlflow", "pipelines-api-server": "ml-pipeline"}.items():
        before = rules.before(deployment, deployment.one("Deployment", server))
        assert [name for name in before if name.endswith(f"-{account}-association")], server


@pytest.mark.parametrize("stack", STACKS)
def test_readers_of_an_encrypted_bucket_may_use_its_key(stack: str) -> None:
    deployment = platform.stack(stack)
    keys = {
        each.inputs["bucket"]: each.inputs["rules"][0]["applyServerSideEncryptionByDefault"]
        for each in deployment.of_type("BucketServerSideEncryptionConfiguration")
    }
    readers = 0
    for policy in deployment.of_type("RolePolicy"):
        granted = policies.allowed(policy.inputs["policy"])
        for resource in granted.get("s3:GetObject", []):
            bucket = resource.removeprefix("arn:aws:s3:::").partition("/")[0]
            assert keys[bucket]["kmsMasterKeyId"] in granted["kms:Decrypt"], policy.name
            readers += 1
    assert readers >= 4


@pytest.mark.parametrize("stack", STACKS)
def test_databases_require_tls_and_every_client_verifies_them(stack: str) -> None:
    deployment = platform.stack(stack)
    parameters = {
        parameter["name"]: parameter["value"]
        for each in deployment.of_type("ParameterGroup")
        for parameter in each.inputs["parameters"]
    }
    assert parameters["rds.force_ssl"] == parameters["require_secure_transport"] == "1"
    objects = _objects(stack)
    found = store_connections.find_unverified(objects)
    assert [f"{each['metadata']['name']}: {reason}" for each, reason in found] == []
    # Those that the rule looked at: tracking server, the Secret from whose file its migration reads the same
    # address, pipelines API, metadata, both Jobs.
    of_databases = [
        each for each in store_connections.clients(objects) if each.connects_to(".rds.amazonaws.com")
    ]
    assert len({each.object["metadata"]["name"] for each in of_databases}) == 6


@pytest.mark.parametrize("stack", STACKS)
def test_pods_reach_databases_only_inside_the_network(stack: str) -> None:
    found = [
        to["ipBlock"]["cidr"]
        for policy in rules.policies(platform.stack(stack)).values()
        for to, port in _egress(policy)
        if port in _DATABASE_PORTS and "ipBlock" in to
    ]
    network = platform.stack(stack).one("Vpc", "network-vpc").inputs["cidrBlock"]
    # The tracking server and its migration, the pipelines API, the metadata store, the accounts' Job and the
    # conversion to utf8mb4.
    assert found == [network] * 6


@pytest.mark.parametrize("stack", STACKS)
def test_workloads_get_the_names_that_buckets_have_on_aws(stack: str) -> None:
    deployment = platform.stack(stack)
    names = {each.inputs["bucket"] for each in deployment.of_type("aws:s3/bucket:Bucket")}
    made = deployment.result
    assert made["pipelines_bucket"] in names
    assert made["artifacts_destination"].removeprefix("s3://") in names
    endpoints = deployment.one("ConfigMap", "pipelines-steps-plinth-endpoints").inputs["data"]
    assert endpoints["PLINTH_ARTIFACTS_DESTINATION"] == made["artifacts_destination"]
    assert endpoints["PLINTH_S3_ENDPOINT"] == "https://s3.us-east-1.amazonaws.com:443"
