"""Objects of a cluster, from what kubectl prints."""

import json
from pathlib import Path

import pytest

from cluster.programs import binaries
from harness import cluster_objects

ITEMS = {
    "items": [
        {"kind": "Namespace", "metadata": {"name": "models"}},
        {"kind": "Pod", "metadata": {"name": "one", "namespace": "models"}},
    ]
}
KUBECTL = """#!/bin/sh
echo "$KUBECONFIG: $*" >> "$0.log"
case "$1" in
  api-resources) printf 'pods\\nevents\\nnamespaces\\n';;
  get) cat "$0.json";;
esac
"""


def test_an_object_is_named_by_kind_namespace_and_name() -> None:
    assert cluster_objects.parse_objects(json.dumps(ITEMS)) == {"Namespace /models", "Pod models/one"}


def test_kinds_that_kubernetes_itself_changes_are_not_compared() -> None:
    printed = "pods\nevents\nevents.events.k8s.io\nleases.coordination.k8s.io\ndeployments.apps\n"
    assert cluster_objects.lasting_kinds(printed) == ["deployments.apps", "pods"]


def test_all_kinds_of_the_given_cluster_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "kubectl"
    program.write_text(KUBECTL)
    program.chmod(0o755)
    (tmp_path / "kubectl.json").write_text(json.dumps(ITEMS))
    monkeypatch.setattr(binaries, "path", lambda _: program)
    assert cluster_objects.list_objects(Path("/x/kubeconfig")) == {"Namespace /models", "Pod models/one"}
    assert (tmp_path / "kubectl.log").read_text().splitlines() == [
        "/x/kubeconfig: api-resources --verbs=list --output=name",
        "/x/kubeconfig: get namespaces,pods -A --output=json",
    ]
