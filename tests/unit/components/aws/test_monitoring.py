"""Targets, alerts and panels of what starts nodes."""

import pytest

from components.aws import monitoring
from components.monitoring.timing import OPERATION


@pytest.mark.parametrize(
    ("karpenter", "names"), [(False, ["cluster-autoscaler"]), (True, ["cluster-autoscaler", "karpenter"])]
)
def test_karpenter_is_scraped_where_it_runs(karpenter: bool, names: list[str]) -> None:
    watch = monitoring.watch("node-scaling", OPERATION, karpenter=karpenter)
    assert [each.name for each in watch.targets] == names
    assert {each.namespace for each in watch.targets} == {"node-scaling"}
    assert len(watch.rules["nodes"]) == len(names)
    (page,) = watch.dashboards
    assert (page.name, page.title) == ("gpu-pools", "")
