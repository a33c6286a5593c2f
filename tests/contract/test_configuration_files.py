"""Whoever changes a file that a server reads only when it starts, starts the server again.

Otherwise `pulumi up` succeeds, and the pod goes on with what it has read before.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from components.shapes.labels import READS
from tests.contract.test_stacks import STACKS
from tests.fixtures import manifests, platform

# Names that differ with the content: a digest, or a version and a digest.
_DIGEST = re.compile(r"-[0-9a-f]{8}$")
# ConfigMaps whose readers look again by themselves, each with the reason.
_WATCHED: Mapping[str, str] = {"traefik-configuration": "Traefik's file provider watches the folder"}
_SERVERS = ("Deployment", "StatefulSet", "DaemonSet")


def stale(objects: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return one clause for each server that would go on with what it has read of a ConfigMap."""
    known = [*objects]
    contents = {
        text for each in known if each["kind"] == "ConfigMap" for text in (each.get("data") or {}).values()
    }
    found: list[str] = []
    for each in known:
        if each["kind"] not in _SERVERS:
            continue
        template = each["spec"]["template"]
        annotations: Mapping[str, str] = template["metadata"].get("annotations") or {}
        # A digest of the content, or all of it.
        if READS in annotations or contents & {*annotations.values()}:
            continue
        for volume in template["spec"].get("volumes") or []:
            name = (volume.get("configMap") or {}).get("name", "")
            if name and not _DIGEST.search(name) and name not in _WATCHED:
                found.append(f"{each['metadata']['name']} mounts {name}")
    return found


@pytest.mark.parametrize("name", STACKS)
def test_no_server_goes_on_with_a_file_that_has_changed(name: str) -> None:
    assert stale(manifests.objects(platform.stack(name).registrations)) == []


@pytest.mark.parametrize(
    ("annotations", "config_map", "expected"),
    [
        ({}, "login", ["server mounts login"]),
        ({READS: "1"}, "login", []),
        ({}, "authority-0123abcd", []),
        ({"all": "a: 1"}, "login", []),
        ({}, "traefik-configuration", []),
    ],
)
def test_a_fixed_name_without_an_annotation_is_found(
    annotations: dict[str, str], config_map: str, expected: list[str]
) -> None:
    pod = {
        "metadata": {"annotations": annotations},
        "spec": {"volumes": [{"name": "pages", "configMap": {"name": config_map}}, {"name": "scratch"}]},
    }
    server = {"kind": "Deployment", "metadata": {"name": "server"}, "spec": {"template": pod}}
    content = {"kind": "ConfigMap", "metadata": {"name": config_map}, "data": {"file": "a: 1"}}
    assert stale([server, content]) == expected
