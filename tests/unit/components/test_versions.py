import subprocess
import sys

import pytest

from components import versions


def test_a_module_has_the_version_of_its_go_mod() -> None:
    go_mod = (versions.REPOSITORY / "upstream/versitygw/go.mod").read_text()
    version = versions.upstream_version("versitygw", "github.com/versity/versitygw")
    assert f"github.com/versity/versitygw {version}" in go_mod


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (
            lambda: versions.upstream_version("versitygw", "example.org/none"),
            "does not require example.org/none",
        ),
        (lambda: versions.upstream_version("none", "example.org/none"), "no upstream project 'none'"),
        (lambda: versions.python_version("none"), "uv.lock has no none"),
    ],
)
def test_an_unpinned_version_is_an_error_that_says_where_to_pin_it(read: object, message: str) -> None:
    assert callable(read)
    with pytest.raises(versions.VersionError, match=message):
        read()


def test_add_ons_of_eks_are_pinned_for_each_kubernetes_version() -> None:
    for kubernetes in versions.EKS_ADDONS:
        addons = versions.eks_addons(kubernetes)
        assert addons["kube-proxy"].startswith(f"v{kubernetes}.")
        assert all("-eksbuild." in version for version in addons.values())
    with pytest.raises(
        versions.VersionError, match=r"no version of aws-ebs-csi-driver, .* for Kubernetes 1\.2:"
    ):
        versions.eks_addons("1.2")


def test_a_chosen_add_on_replaces_the_pinned_one_and_a_kubernetes_version_may_have_chosen_ones_alone() -> (
    None
):
    chosen = {"coredns": "v1.99.0-eksbuild.1"}
    pinned = versions.eks_addons("1.36")
    assert versions.eks_addons("1.36", chosen) == {**pinned, **chosen}
    assert versions.eks_addons("1.99", pinned) == pinned
    assert versions.missing_addons("1.99", chosen) == sorted(pinned.keys() - {"coredns"})


def test_the_command_prints_one_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert versions.main(["mlflow"]) == 0
    assert capsys.readouterr().out.strip() == versions.python_version("mlflow")
    assert versions.main(["versitygw"]) == 0
    assert capsys.readouterr().out.startswith("v")


@pytest.mark.parametrize("arguments", [[], ["none"]])
def test_the_command_fails_in_one_line(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "components.versions", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=versions.REPOSITORY)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_prometheus_is_released_under_another_number_than_its_module() -> None:
    module = "github.com/prometheus/prometheus"
    assert versions.release("v0.305.2", module) == "v3.5.2"
    assert versions.release("v0.315.0", module) == "v3.15.0"
    assert versions.release("v0.315.0", "github.com/prometheus/alertmanager") == "v0.315.0"


def test_packages_of_an_image_are_those_of_its_own_lock() -> None:
    packages = versions.image_packages("serving-runtime")
    assert {"mlflow-skinny", "numpy", "scikit-learn"} <= packages.keys()
    assert all(version[0].isdigit() and " " not in version for version in packages.values())
    with pytest.raises(versions.VersionError, match=r"traefik/requirements\.txt: missing"):
        versions.image_packages("traefik")
