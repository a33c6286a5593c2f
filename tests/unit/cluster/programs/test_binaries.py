import pytest

from cluster.errors import ClusterError
from cluster.programs import binaries


@pytest.mark.usefixtures("instance")
def test_a_program_that_is_not_built_names_the_command_that_builds_it() -> None:
    with pytest.raises(ClusterError, match="run `python -m upstream build etcd`"):
        binaries.path("etcd")


def test_a_missing_debian_program_names_the_command_that_installs_it() -> None:
    with pytest.raises(ClusterError, match="no-such is not installed: run `python -m cluster prerequisites`"):
        binaries.system("no-such")


def test_versions_come_from_the_pins_alone() -> None:
    assert binaries.version("kubernetes", "k8s.io/kubernetes").startswith("v1.")
