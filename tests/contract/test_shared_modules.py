"""Modules that many upstream programs share have one version: it is compiled once, and a fix is in all."""

import re
from collections import defaultdict

import pytest

from upstream import recipe

# Of one minor version of Kubernetes, its libraries and what changes together with them.
_OF_KUBERNETES = (
    "k8s.io/api",
    "k8s.io/apimachinery",
    "k8s.io/client-go",
    "k8s.io/kube-openapi",
    "sigs.k8s.io/structured-merge-diff/v4",
    "sigs.k8s.io/structured-merge-diff/v6",
    "github.com/google/gnostic-models",
)
# The rest of what `go list -deps k8s.io/client-go/kubernetes` names, and what else of Go's own most have.
# Not gRPC, OpenTelemetry, Prometheus' and cloud SDKs: minor versions of these break what uses them.
_OF_ALL = re.compile(
    r"golang\.org/x/(crypto|net|oauth2|sync|sys|term|text|time)"
    r"|google\.golang\.org/protobuf|github\.com/(golang|gogo)/protobuf"
    r"|github\.com/go-openapi/(jsonpointer|jsonreference|swag(/\w+)?)"
    r"|github\.com/(emicklei/go-restful/v3|fxamacker/cbor/v2|go-logr/logr|google/uuid|json-iterator/go|mailru/easyjson"
    r"|modern-go/\w+|munnerz/goautoneg|spf13/pflag|x448/float16)"
    r"|go\.yaml\.in/yaml/v[23]|gopkg\.in/(evanphx/json-patch\.v4|inf\.v0)"
    r"|k8s\.io/(klog/v2|utils)|sigs\.k8s\.io/(json|randfill|yaml)"
)
# Reads images on request and runs on no platform; it needs later releases than every other project.
_APART = {"syft"}


def _used() -> dict[tuple[str, str], dict[str, list[str]]]:
    """Return (module, family of projects or `all`) -> version -> projects."""
    used: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for project in recipe.all_projects():
        versions = project.versions if project.programs and project.name not in _APART else {}
        for module, version in versions.items():
            if module in _OF_KUBERNETES and "k8s.io/client-go" in versions:
                used[module, project.family][version].append(project.name)
            elif _OF_ALL.fullmatch(module):
                used[module, "all"][version].append(project.name)
    return used


_USED = _used()


@pytest.mark.parametrize(("module", "family"), sorted(_USED))
def test_a_shared_module_has_one_version(module: str, family: str) -> None:
    used = _USED[module, family]
    assert len(used) == 1, (
        f"{module} has several versions among projects ({family}): {dict(used)};"
        " in the folders of the older ones `go mod edit -require` the newest, then `go list -mod=mod -deps`"
    )


def test_a_first_build_compiles_few_versions_of_the_client_libraries() -> None:
    used = [project for project in recipe.all_projects() if project.programs and not project.on_demand]
    families = {project.family for project in used if "k8s.io/client-go" in project.versions}
    assert families == {"client-go v0.33", "client-go v0.34", "client-go v0.36"}


def test_most_programs_share() -> None:
    assert max(len(projects) for projects in _USED["golang.org/x/sys", "all"].values()) > 20
    assert max(len(projects) for projects in _USED["k8s.io/client-go", "client-go v0.34"].values()) >= 3
