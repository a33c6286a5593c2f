"""Requests, read back from an audit log."""

import json
from pathlib import Path
from typing import Any

from simulation.gpus import requests
from simulation.gpus.requests import Request

USER = "system:serviceaccount:kueue:kueue"


def event(verb: str, target: dict[str, str] | None, decision: str = "allow") -> dict[str, Any]:
    found: dict[str, Any] = {
        "verb": verb,
        "user": {"username": USER},
        "annotations": {"authorization.k8s.io/decision": decision},
    }
    return found if target is None else {**found, "objectRef": target}


def test_each_kind_of_request_is_read_once_with_its_decision(tmp_path: Path) -> None:
    pods = {"resource": "pods", "namespace": "research", "name": "a"}
    status = {"resource": "workloads", "subresource": "status", "apiGroup": "kueue.x-k8s.io"}
    log = tmp_path / "requests.log"
    events = [
        event("get", pods),
        event("get", {**pods, "name": "b"}),
        event("patch", status),
        event("list", {"resource": "secrets"}, "forbid"),
        event("get", None),
    ]
    # The last line may still be being written.
    log.write_text("".join(f"{json.dumps(each)}\n" for each in events) + '{"verb": "ge')
    made = requests.read(log)
    assert made == {
        Request(user=USER, right="get pods", allowed=True),
        Request(user=USER, right="patch workloads/status.kueue.x-k8s.io", allowed=True),
        Request(user=USER, right="list secrets", allowed=False),
    }
    assert requests.refused(made, USER) == ["list secrets"]
    assert requests.refused(made, "system:serviceaccount:kueue:other") == []


def test_the_policy_records_these_namespaces_accounts_and_nobody_else(tmp_path: Path) -> None:
    policy_flag, log_flag, _ = requests.flags(tmp_path, tmp_path / "requests.log", ["kueue"])
    written = json.loads(Path(policy_flag.partition("=")[2]).read_text())
    assert written["rules"] == [
        {"level": "Metadata", "userGroups": ["system:serviceaccounts:kueue"]},
        {"level": "None"},
    ]
    assert log_flag == f"--audit-log-path={tmp_path / 'requests.log'}"
