import json

import pytest

from components.gpus.gpu_pools import GpuPool, Mig, TimeSlicing
from components.gpus.nvidia_device_plugin import NvidiaDevicePlugin, NvidiaDevicePluginArgs, groups, settings
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

POOLS = (
    GpuPool(name="training", devices_per_node=8, max_nodes=4),
    GpuPool(name="inference", devices_per_node=1, max_nodes=8),
    GpuPool(name="slices", devices_per_node=56, max_nodes=1, sharing=Mig(profile="1g.10gb")),
    GpuPool(name="notebooks", devices_per_node=4, max_nodes=1, sharing=TimeSlicing(replicas=4)),
)


def deployed(*, preview: bool = False) -> Deployment[NvidiaDevicePlugin]:
    args = NvidiaDevicePluginArgs(image="nvcr.io/nvidia/k8s-device-plugin:v0", pools=POOLS)
    return deploy(lambda: NvidiaDevicePlugin("plugin", args), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "NvidiaDevicePlugin")
    rules.assert_labelled(deployment)


def test_each_node_of_a_pool_runs_exactly_one_plugin() -> None:
    nodes: list[str] = []
    for pod in deployed().pods().values():
        (term,) = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
            "nodeSelectorTerms"
        ]
        (match,) = term["matchExpressions"]
        assert (match["key"], match["operator"]) == ("plinth.dev/gpu-pool", "In")
        nodes += match["values"]
        assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert sorted(nodes) == sorted(pool.name for pool in POOLS)


def test_pools_with_equal_settings_share_a_plugin() -> None:
    assert {name: [pool.name for pool in each] for name, each in groups(POOLS).items()} == {
        "whole": ["training", "inference"],
        "mig": ["slices"],
        "time-slicing-4": ["notebooks"],
    }


def test_health_checks_are_all_on_and_the_file_is_where_the_plugin_reads_it() -> None:
    for pod in deployed().pods().values():
        (container,) = pod["containers"]
        assert {"name": "DP_DISABLE_HEALTHCHECKS", "value": ""} in container["env"]
        assert container["args"] == ["--config-file=/etc/nvidia-device-plugin/config.json"]
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert mounts["settings"] == "/etc/nvidia-device-plugin"


def test_the_plugin_has_a_folder_of_the_node_and_nothing_more() -> None:
    for name, pod in deployed().pods().items():
        (container,) = pod["containers"]
        cut = name == "plugin-mig"
        assert container["securityContext"] == {
            # Kubernetes accepts no ban together with the capability.
            "allowPrivilegeEscalation": cut,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]} if cut else {"drop": ["ALL"]},
        }
        paths = [each["hostPath"]["path"] for each in pod["volumes"] if "hostPath" in each]
        assert paths == ["/var/lib/kubelet/device-plugins"]
        assert pod["automountServiceAccountToken"] is False
        assert "hostNetwork" not in pod


def test_other_settings_are_other_pods() -> None:
    deployment = deployed()
    for name, each in {each.name: each for each in deployment.of_type("DaemonSet")}.items():
        annotation = each.inputs["spec"]["template"]["metadata"]["annotations"]["plinth.dev/settings"]
        data = deployment.one("ConfigMap", f"{name}-settings").inputs["data"]
        assert data == {"config.json": annotation}


def test_a_slice_is_called_like_a_whole_gpu() -> None:
    assert settings(Mig(profile="1g.10gb"))["flags"]["migStrategy"] == "single"
    assert settings(None)["flags"]["migStrategy"] == "none"


def test_two_turns_of_one_gpu_are_no_second_gpu() -> None:
    turns = settings(TimeSlicing(replicas=4))["sharing"]["timeSlicing"]
    assert turns == {
        "failRequestsGreaterThanOne": True,
        "resources": [{"name": "nvidia.com/gpu", "replicas": 4}],
    }
    assert json.dumps(settings(None)).count("timeSlicing") == 0


def test_a_plugin_that_would_run_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match="pools: none"):
        NvidiaDevicePluginArgs(image="image", pools=())
