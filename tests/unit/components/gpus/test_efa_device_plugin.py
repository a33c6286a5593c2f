import pytest

from components.gpus.efa_device_plugin import EfaDevicePlugin, EfaDevicePluginArgs
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

IMAGE = "602401143452.dkr.ecr.us-east-1.amazonaws.com/eks/aws-efa-k8s-device-plugin:v0"


def deployed(*, preview: bool = False) -> Deployment[EfaDevicePlugin]:
    args = EfaDevicePluginArgs(image=IMAGE, version="v0", pools=("training", "tuning"))
    return deploy(lambda: EfaDevicePlugin("efa", args), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "EfaDevicePlugin")
    rules.assert_labelled(deployment)


def test_it_registers_adapters_on_the_nodes_of_its_pools() -> None:
    daemon_set = deployed().one("DaemonSet").inputs
    assert daemon_set["metadata"]["annotations"] == {"plinth.dev/registers": "vpc.amazonaws.com/efa"}
    pod = daemon_set["spec"]["template"]["spec"]
    required = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (match,) = required["nodeSelectorTerms"][0]["matchExpressions"]
    assert match == {"key": "plinth.dev/gpu-pool", "operator": "In", "values": ["training", "tuning"]}
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert pod["priorityClassName"] == "system-node-critical"


def test_it_sees_what_awss_own_chart_shows_it() -> None:
    (pod,) = deployed().pods().values()
    (container,) = pod["containers"]
    assert container["image"] == IMAGE
    # The program of the image, as its entrypoint starts it.
    assert not container.get("command")
    assert not container.get("args")
    mounts = {
        each["name"]: (each["mountPath"], each.get("readOnly", False)) for each in container["volumeMounts"]
    }
    assert sorted(mounts.values()) == [("/dev/infiniband", False), ("/var/lib/kubelet/device-plugins", False)]
    assert {each["name"]: each["hostPath"]["path"] for each in pod["volumes"]} == {
        name: path for name, (path, _) in mounts.items()
    }
    assert pod["hostNetwork"] is True
    assert pod["automountServiceAccountToken"] is False


def test_it_has_no_capability() -> None:
    (pod,) = deployed().pods().values()
    (container,) = pod["containers"]
    context = container["securityContext"]
    assert "privileged" not in context
    assert (context["allowPrivilegeEscalation"], context["capabilities"]) == (False, {"drop": ["ALL"]})


def test_a_plugin_that_would_run_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match="pools: none"):
        EfaDevicePluginArgs(image=IMAGE, version="v0", pools=())
