"""Upstream's images of a stack that mirrors them: nothing is left that nodes pull from elsewhere."""

import json
import re

import pytest

from infra import mirrored_images
from infra.errors import InfraError
from infra.settings import reader, stack_file
from tests.fixtures import platform
from tests.unit.infra import choices

_PUBLIC = re.compile(
    r"(docker\.io|ghcr\.io|nvcr\.io|public\.ecr\.aws|quay\.io|registry\.k8s\.io)/[\w./-]+:\w+"
)
# KServe rejects pods of models if the settings of an agent that they do not use are missing.
_NEVER_STARTED = "docker.io/kserve/agent:"
PROD = stack_file.settings("prod")


def used(stack: str) -> set[str]:
    """Return every image that the pods of a stack name."""
    found = {
        container["image"]
        for spec in platform.stack(stack).pods().values()
        for container in (*spec["containers"], *spec.get("initContainers", ()))
    }
    # EKS has images of its own in every region, for its nodes, which pull them by their role.
    return {image for image in found if not re.match(r"\d{12}\.dkr\.ecr\.[\w-]+\.amazonaws\.com/eks/", image)}


def test_every_image_of_production_is_in_the_accounts_registry() -> None:
    outside = {image for image in used("prod") if not image.startswith(f"{PROD.registry}/")}
    assert outside == set()
    # Not even in an argument or in a setting.
    named = [
        f"{each.name}: {found.group()}"
        for each in platform.stack("prod").registrations
        if not each.type.endswith(":CustomResourceDefinition")
        for found in _PUBLIC.finditer(json.dumps(each.inputs))
        if not found.group().startswith(_NEVER_STARTED)
    ]
    assert named == []
    assert any(not image.startswith(stack_file.settings("dev").registry) for image in used("dev"))


def test_what_is_pulled_from_the_registry_is_copied_or_pushed() -> None:
    copies = {target for _, target in mirrored_images.pairs(PROD)}
    # Images of our own end with a digest of their content.
    own = {image for image in used("prod") if re.search(r"[.:-][0-9a-f]{12,}$", image)}
    assert used("prod") <= copies | own


def test_a_copy_has_upstreams_version() -> None:
    found = dict(mirrored_images.pairs(PROD))
    assert found
    for source, target in found.items():
        assert source.rpartition(":")[2] == target.rpartition(":")[2]
        assert not source.startswith(PROD.registry)
        assert target.startswith(f"{PROD.registry}/plinth/")
    assert [source for source in found if source.startswith("docker.io/library/traefik:")]
    assert [source for source in found if source.startswith("public.ecr.aws/karpenter/controller:")]


def test_a_stack_that_pulls_from_upstream_has_no_pairs() -> None:
    with pytest.raises(InfraError, match=r"set plinth:images\.mirror to true"):
        list(mirrored_images.pairs(stack_file.settings("dev")))


def test_a_mirror_needs_a_registry() -> None:
    values = choices.changed(choices.of_stack("local"), "images.mirror", True)
    assert "plinth:images.mirror needs images.registry" in choices.problem(values)
    reader.parse(choices.changed(values, "images.registry", "registry.example/team"))
