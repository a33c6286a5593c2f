"""What the program registers, without the engine: the same as the recording engine of the tests finds."""

from infra.account import registrations
from infra.settings import stack_file
from tests.fixtures import platform


def test_every_resource_of_a_stack_is_found() -> None:
    found = registrations.registered(stack_file.settings("dev"), "dev")
    expected = platform.stack("dev", preview=True).registrations
    assert {(each.token, each.name) for each in found} == {(each.type, each.name) for each in expected}
    (cluster,) = [each for each in found if each.token == "aws:eks/cluster:Cluster"]
    assert cluster.inputs["name"] == "plinth-dev"
