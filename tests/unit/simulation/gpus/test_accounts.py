"""Accounts of the tier's controllers."""

import base64
from pathlib import Path
from typing import Any

from simulation.gpus import accounts
from simulation.gpus.accounts import Account

ACCOUNT = Account(
    name="reader",
    namespace="place",
    cluster=[{"apiGroups": ["", "apps"], "resources": ["pods"], "verbs": ["get", "list"]}],
    own=[{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["update"]}],
    simulated=[{"apiGroups": [""], "resources": ["nodes"], "verbs": ["create"]}],
)


class StubApi:
    """Gives tokens, and keeps what it was asked."""

    def __init__(self) -> None:
        self.created: list[Any] = []
        self.asked: list[str] = []

    def create(self, manifest: Any) -> None:
        """Keep an object."""
        self.created.append(manifest)

    def request(self, method: str, path: str, **_: Any) -> Any:
        """Give a token."""
        self.asked.append(f"{method} {path}")
        return {"status": {"token": "a-token"}}


def test_what_is_rendered_counts_as_a_right_and_what_the_simulation_needs_does_not() -> None:
    assert ACCOUNT.rights() == {
        "get pods",
        "list pods",
        "get pods.apps",
        "list pods.apps",
        "update leases.coordination.k8s.io",
    }


def test_it_gets_its_rules_for_the_cluster_and_for_its_namespace() -> None:
    stub: Any = StubApi()
    ACCOUNT.create(stub)
    made = {each["kind"]: each for each in stub.created}
    assert list(made) == ["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]
    assert made["ClusterRole"]["rules"] == [*ACCOUNT.cluster, *ACCOUNT.simulated]
    assert made["Role"]["rules"] == ACCOUNT.own
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": "place"}
    for kind in ("Role", "ClusterRole"):
        binding = made[f"{kind}Binding"]
        assert binding["roleRef"]["kind"] == kind
        assert binding["subjects"] == [subject]
    assert made["RoleBinding"]["metadata"]["namespace"] == "place"


def test_it_works_with_its_own_token(tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_bytes(b"authority")
    stub: Any = StubApi()
    config = ACCOUNT.kubeconfig(stub, "https://server", authority)
    assert stub.asked == ["POST /api/v1/namespaces/place/serviceaccounts/reader/token"]
    assert config["users"][0]["user"] == {"token": "a-token"}
    cluster = config["clusters"][0]["cluster"]
    assert cluster["server"] == "https://server"
    assert base64.b64decode(cluster["certificate-authority-data"]) == b"authority"


def test_controllers_have_the_rights_of_their_components_in_the_apis_form() -> None:
    found = {each.name: each for each in accounts.controllers()}
    assert found.keys() == {"kueue", "karpenter"}
    for account in found.values():
        assert account.user == f"system:serviceaccount:{account.namespace}:{account.name}"
        for rule in (*account.cluster, *account.own, *account.simulated):
            assert rule.keys() <= {"apiGroups", "resources", "resourceNames", "verbs", "nonResourceURLs"}
    assert "create nodes" not in found["karpenter"].rights()
    assert "create nodeclaims.karpenter.sh" in found["karpenter"].rights()
    assert "update leases.coordination.k8s.io" in found["kueue"].rights()
