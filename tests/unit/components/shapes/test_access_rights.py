import pulumi
import pytest
from pulumi_kubernetes.rbac import v1 as rbac

from components.shapes.access_rights import EVERY, AccessRights, named_verbs, read_only, split
from components.shapes.labels import labels
from components.shapes.owner import Owner
from tests.fixtures.recorder import Deployment, deploy

READ_PODS: rbac.PolicyRuleArgsDict = {"api_groups": [""], "resources": ["pods"], "verbs": ["get"]}
READ_NODES: rbac.PolicyRuleArgsDict = {"api_groups": [""], "resources": ["nodes"], "verbs": ["list"]}
SUBJECT = {"kind": "ServiceAccount", "name": "reader", "namespace": "place"}


class Server(pulumi.ComponentResource):
    def __init__(self) -> None:
        super().__init__("plinth:index:Server", "server")
        owner = Owner(
            component="server",
            namespace="place",
            labels=labels("server", "server", "server"),
            selector={},
            parent=self,
        )
        rights = AccessRights(owner=owner, account="reader")
        rights.service_account()
        rights.in_namespace([READ_PODS], name="pods-reader")
        rights.in_cluster([READ_NODES], name="plinth-nodes-reader", resource="server-nodes")


def deployed() -> Deployment[Server]:
    return deploy(Server)


def test_the_accounts_token_is_mounted_only_where_a_pod_asks() -> None:
    account = deployed().one("ServiceAccount", "server-account").inputs
    assert account["metadata"]["name"] == "reader"
    assert account["metadata"]["namespace"] == "place"
    assert account["automountServiceAccountToken"] is False


def test_a_right_in_the_namespace_ends_at_its_border() -> None:
    deployment = deployed()
    role = deployment.one("Role", "server-role").inputs
    assert (role["metadata"]["name"], role["metadata"]["namespace"]) == ("pods-reader", "place")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    binding = deployment.one("RoleBinding", "server-binding").inputs
    assert binding["metadata"]["namespace"] == "place"
    assert binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "Role",
        "name": "pods-reader",
    }
    assert binding["subjects"] == [SUBJECT]


def test_a_right_in_the_cluster_has_no_namespace_and_the_names_asked_for() -> None:
    deployment = deployed()
    role = deployment.one("ClusterRole", "server-nodes-role").inputs
    assert role["metadata"]["name"] == "plinth-nodes-reader"
    assert "namespace" not in role["metadata"]
    binding = deployment.one("ClusterRoleBinding", "server-nodes-binding").inputs
    assert binding["roleRef"]["kind"] == "ClusterRole"
    assert binding["roleRef"]["name"] == "plinth-nodes-reader"
    assert binding["subjects"] == [SUBJECT]


def test_a_binding_comes_after_its_role_and_both_below_the_component() -> None:
    deployment = deployed()
    for kind, name in (("Role", "server"), ("ClusterRole", "server-nodes")):
        role = deployment.one(kind, f"{name}-role")
        binding = deployment.one(f"{kind}Binding", f"{name}-binding")
        assert role.urn in binding.dependencies
        assert role.parent == binding.parent == deployment.component().urn


UPSTREAM = [
    {"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["get"]},
    {"apiGroups": ["batch"], "resources": ["jobs", "jobs/status"], "verbs": ["list"]},
]


@pytest.mark.parametrize(
    ("names", "others", "chosen"),
    [
        (["secrets"], [["pods"], ["jobs", "jobs/status"]], [["secrets"]]),
        (["jobs.batch"], [["pods", "secrets"], ["jobs/status"]], [["jobs"]]),
        (["*.batch"], [["pods", "secrets"]], [["jobs", "jobs/status"]]),
        ([], [["pods", "secrets"], ["jobs", "jobs/status"]], []),
    ],
)
def test_upstreams_rules_are_split_by_resource(
    names: list[str], others: list[list[str]], chosen: list[list[str]]
) -> None:
    found = split(UPSTREAM, names)
    assert [[rule["resources"] for rule in rules] for rules in found] == [others, chosen]
    assert UPSTREAM[0]["resources"] == ["pods", "secrets"]


@pytest.mark.parametrize("name", ["jobs", "*.apps", "secrets.batch"])
def test_a_split_by_what_upstream_does_not_grant_is_a_mistake(name: str) -> None:
    with pytest.raises(ValueError, match="renamed by an upgrade"):
        split(UPSTREAM, ["secrets", name])


def test_only_reading_is_left_of_rules() -> None:
    rules = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "get", "watch"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]},
    ]
    assert read_only(rules) == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "watch"]}]


def test_a_star_stands_for_verbs_that_have_names() -> None:
    rules = [{"resources": ["pods"], "verbs": ["*"]}, {"resources": ["nodes"], "verbs": ["get"]}]
    assert named_verbs(rules) == [{"resources": ["pods"], "verbs": [*EVERY]}, rules[1]]
    assert {"escalate", "bind", "impersonate"}.isdisjoint(EVERY)
