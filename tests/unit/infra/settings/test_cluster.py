"""Versions that follow the Kubernetes version, unless a stack chooses others."""

from components import versions
from infra.settings.cluster import EksSettings
from infra.settings.reader import parse
from tests.unit.infra import choices

DEV = choices.of_stack("dev")
CHOSEN = {"coredns": "v1.99.0-eksbuild.1"}


def cluster(**changes: object) -> EksSettings:
    values = DEV
    for name, value in changes.items():
        values = choices.changed(values, f"cluster.{name}", value)
    chosen = parse(values).cluster
    assert isinstance(chosen, EksSettings)
    return chosen


def test_versions_are_those_that_are_pinned_for_the_kubernetes_version() -> None:
    plain = cluster()
    assert plain.addon_versions == versions.eks_addons(plain.kubernetes_version)
    assert plain.autoscaler_version == versions.CLUSTER_AUTOSCALER[plain.kubernetes_version]


def test_a_stack_may_choose_one_addon_and_the_autoscaler() -> None:
    chosen = cluster(addons=CHOSEN, autoscalerRelease="v1.36.9")
    assert chosen.addon_versions == {**cluster().addon_versions, **CHOSEN}
    assert chosen.autoscaler_version == "v1.36.9"


def test_a_kubernetes_version_for_which_nothing_is_pinned_needs_all_of_them() -> None:
    every = dict(cluster().addon_versions)
    newer = cluster(addons=every, autoscalerRelease="v1.99.0", kubernetesVersion="1.99")
    assert newer.addon_versions == every
    assert newer.autoscaler_version == "v1.99.0"
