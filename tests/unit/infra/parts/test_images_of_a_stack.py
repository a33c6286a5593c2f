"""What a stack deploys and what is built for it are the same."""

import json

from components import images
from infra.parts import IMAGES, PARTS
from infra.parts.plan import plan
from infra.settings import reader, stack_file
from infra.settings.stack import Settings
from tests.fixtures import platform


def used(chosen: Settings) -> set[str]:
    """The images that some object of the stack names, also in a setting or a custom resource."""
    text = json.dumps([each.inputs for each in platform.deployed(chosen).registrations])
    return {name for name in IMAGES if images.reference(name, chosen.registry) in text}


def test_the_local_stack_builds_what_it_deploys() -> None:
    chosen = stack_file.settings("local")
    missing = used(chosen) - set(plan(chosen, PARTS).images)
    assert missing == set()
    assert set(plan(chosen, PARTS).images) - used(chosen) == set()


def test_a_stack_without_monitoring_and_pools_builds_neither() -> None:
    chosen = reader.parse(
        {"cluster": {"kind": "kubeconfig", "name": "local"}, "monitoring": {"enabled": False}}
    )
    names = set(plan(chosen, PARTS).images)
    assert used(chosen) <= names
    assert not {"prometheus", "statsd-exporter", "kueue-controller"} & names


def test_a_stack_with_pools_builds_their_queues() -> None:
    assert {"kueue-controller", "nvidia-device-plugin"} <= set(
        plan(stack_file.settings("prod"), PARTS).images
    )
