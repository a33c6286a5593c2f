"""No account gets a power over others unnoticed: powers.toml lists what each may do, and why."""

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.parts import serving, tenant
from infra.parts.tenant import Tenant
from infra.settings import stack_file
from tests.contract.test_stacks import STACKS
from tests.fixtures import manifests, platform
from tests.fixtures.recorder import Registration

_TABLE = tomllib.loads(Path(__file__).with_name("powers.toml").read_text())["power"]
# The stack whose rows another one has, besides its own.
_LIKE = {"full": "local", "teams": "local"}
_WRITE = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_ANY = frozenset({"*"})
_RUN_PODS = frozenset({"create", "update", "patch"})
# Resource and group -> verbs with which an account reads what is secret, runs code as another account, or
# changes what others may do. A verb that is `*` here stands for every verb.
_POWERS = {
    "secrets": _ANY,
    "pods": _RUN_PODS,
    "pods/exec": _ANY,
    "pods/attach": _ANY,
    "pods/portforward": _ANY,
    "pods/ephemeralcontainers": _ANY,
    "replicationcontrollers": _RUN_PODS,
    "daemonsets.apps": _RUN_PODS,
    "deployments.apps": _RUN_PODS,
    "replicasets.apps": _RUN_PODS,
    "statefulsets.apps": _RUN_PODS,
    "cronjobs.batch": _RUN_PODS,
    "jobs.batch": _RUN_PODS,
    "serviceaccounts": _WRITE,
    "serviceaccounts/token": _ANY,
    "nodes/proxy": _ANY,
    "roles.rbac.authorization.k8s.io": _WRITE | {"escalate", "bind"},
    "clusterroles.rbac.authorization.k8s.io": _WRITE | {"escalate", "bind"},
    "rolebindings.rbac.authorization.k8s.io": _WRITE,
    "clusterrolebindings.rbac.authorization.k8s.io": _WRITE,
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": _WRITE,
    "validatingwebhookconfigurations.admissionregistration.k8s.io": _WRITE,
    "mutatingadmissionpolicies.admissionregistration.k8s.io": _WRITE,
    "mutatingadmissionpolicybindings.admissionregistration.k8s.io": _WRITE,
    "validatingadmissionpolicies.admissionregistration.k8s.io": _WRITE,
    "validatingadmissionpolicybindings.admissionregistration.k8s.io": _WRITE,
    "customresourcedefinitions.apiextensions.k8s.io": _WRITE,
    "apiservices.apiregistration.k8s.io": _WRITE,
    "certificatesigningrequests/approval.certificates.k8s.io": _ANY,
    "signers.certificates.k8s.io": _ANY,
    "users": frozenset({"impersonate"}),
    "groups": frozenset({"impersonate"}),
}

# A binding in a namespace grants nothing of these.
_CLUSTER_WIDE = (
    ".admissionregistration.k8s.io",
    ".apiextensions.k8s.io",
    ".apiregistration.k8s.io",
    ".certificates.k8s.io",
)
Row = tuple[str, str, str, str]
"""Account, namespace or `everywhere`, resource with the names it is limited to, verbs."""


def _matching(rule: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield resource and verbs of each power that a rule grants."""
    names = f" {' '.join(sorted(rule['resourceNames']))}" if rule.get("resourceNames") else ""
    granted = {
        f"{resource}.{group}".removesuffix(".")
        for group in rule.get("apiGroups", ())
        for resource in rule.get("resources", ())
    }
    for power, dangerous in _POWERS.items():
        resource, _, group = power.partition(".")
        wide = {f"*.{group}".removesuffix("."), f"{resource}.*", "*.*"}
        if granted & {power, *wide}:
            verbs = [each for each in rule["verbs"] if dangerous == _ANY or each in dangerous | _ANY]
            if verbs:
                yield f"{power}{names}", " ".join(sorted(verbs))


def granted(registrations: Iterable[Registration]) -> set[Row]:
    """Return every power of a stack's accounts."""
    objects = [each for each in manifests.objects(registrations) if "Role" in each["kind"]]
    roles = {
        (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each["rules"]
        for each in objects
        if not each["kind"].endswith("Binding")
    }
    rows: set[Row] = set()
    for binding in (each for each in objects if each["kind"].endswith("Binding")):
        where = binding["metadata"].get("namespace", "")
        reference = binding["roleRef"]
        inside = where if reference["kind"] == "Role" else ""
        # Roles that a stack does not define, such as cluster-admin, are powers by their name.
        unknown = [
            {"apiGroups": [""], "resources": ["*"], "verbs": ["*"], "resourceNames": [reference["name"]]}
        ]
        rules = roles.get((reference["kind"], inside, reference["name"]), unknown)
        for subject in binding["subjects"]:
            account = "/".join(filter(None, (subject.get("namespace"), subject["name"])))
            for rule in rules:
                rows |= {
                    (account, where or "everywhere", resource, verbs)
                    for resource, verbs in _matching(rule)
                    if not where or not _is_cluster_scoped(resource)
                }
    return rows


def _is_cluster_scoped(power: str) -> bool:
    resource = power.split(" ", 1)[0]
    return resource.startswith(("clusterrole", "nodes/")) or resource.endswith(_CLUSTER_WIDE)


def named_for_the_stack(stack: str, rows: set[Row]) -> set[Row]:
    """Return rows in which each team is called as the stack itself: what its accounts may do is the same."""
    own, named = Tenant(), dict[str, str]()
    for team in tenant.teams(stack_file.settings(stack)):
        named |= {team.servers_namespace: own.servers_namespace, team.runs_namespace: own.runs_namespace}

    def translated(account: str, where: str) -> tuple[str, str]:
        namespace, _, name = account.rpartition("/")
        if where in named and namespace == serving.NAMESPACE:
            return account, own.models_namespace
        return f"{named.get(namespace, namespace)}/{name}".lstrip("/"), named.get(where, where)

    return {(*translated(account, where), resource, verbs) for account, where, resource, verbs in rows}


def listed(stack: str) -> set[Row]:
    """Return the powers that the table allows in a stack."""
    return {
        (each["account"], each["where"], resource, each["verbs"])
        for each in _TABLE
        if {stack, _LIKE.get(stack, stack)} & {*each.get("stacks", STACKS)}
        for resource in each["resources"]
    }


@pytest.mark.parametrize("stack", STACKS)
def test_no_account_has_a_power_that_the_table_does_not_give_it(
    stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    found = named_for_the_stack(stack, granted(platform.stack(stack).registrations))
    assert len({account for account, *_ in found}) >= 4, "the table is not that of a whole platform"
    new = sorted(found - listed(stack))
    assert not new, f"powers without a row; is there no other way? {new}"
    gone = sorted(listed(stack) - found)
    assert not gone, f"rows for powers that nobody has: {gone}"


def test_every_power_has_a_reason() -> None:
    assert all(each["why"] for each in _TABLE)


def _rule(resources: list[str], verbs: list[str], group: str = "") -> dict[str, Any]:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


@pytest.mark.parametrize(
    ("rule", "power"),
    [
        (_rule(["secrets"], ["get"]), ("secrets", "get")),
        ({**_rule(["secrets"], ["get"]), "resourceNames": ["keys"]}, ("secrets keys", "get")),
        (_rule(["pods", "services"], ["create", "get"]), ("pods", "create")),
        (_rule(["jobs"], ["*"], "batch"), ("jobs.batch", "*")),
        (_rule(["*"], ["patch"], "apps"), ("deployments.apps", "patch")),
        ({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, ("pods/exec", "*")),
        (_rule(["users"], ["impersonate"]), ("users", "impersonate")),
        (
            _rule(["clusterroles"], ["bind"], "rbac.authorization.k8s.io"),
            ("clusterroles.rbac.authorization.k8s.io", "bind"),
        ),
    ],
)
def test_a_power_is_seen_however_it_is_granted(rule: dict[str, Any], power: tuple[str, str]) -> None:
    assert power in set(_matching(rule))


@pytest.mark.parametrize(
    "rule", [_rule(["pods"], ["get", "list", "watch", "delete"]), _rule(["secrets"], ["get"], "apps")]
)
def test_other_rights_are_no_powers(rule: dict[str, Any]) -> None:
    assert not list(_matching(rule))
