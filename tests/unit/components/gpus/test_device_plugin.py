"""The shape itself; what each plugin does with it is tested with the plugin."""

from typing import Any

import pulumi

from components.gpus import device_plugin
from components.gpus.device_plugin import SOCKETS, DevicePlugin
from components.shapes import pod_security, server_pods
from components.shapes.owner import Owner
from tests.fixtures.recorder import deploy


class Component(pulumi.ComponentResource):
    def __init__(self, **changes: Any) -> None:
        super().__init__("plinth:index:Component", "component")
        owner = Owner.of_product(self, "component", "space", product="plugin", role="plugin")
        container = server_pods.container(
            "plugin",
            "image",
            ["plugin"],
            mounts=(SOCKETS,),
            resources=pod_security.sizes(cpu="1m", memory="1Mi", memory_limit="1Mi"),
        )
        given: dict[str, Any] = {"name": "one", "container": container, "pools": ("a",), "registers": "x/y"}
        device_plugin.deploy(owner, DevicePlugin(**{**given, **changes}))


def daemon_set(**changes: Any) -> dict[str, Any]:
    return deploy(lambda: Component(**changes)).one("DaemonSet", "component-one").inputs


def test_it_says_what_it_registers() -> None:
    assert daemon_set()["metadata"]["annotations"] == {"plinth.dev/registers": "x/y"}


def test_its_pods_are_selected_by_its_name_too() -> None:
    spec = daemon_set()["spec"]
    assert spec["selector"]["matchLabels"]["app.kubernetes.io/component"] == "one"
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_it_meets_the_kubelet_and_is_not_on_the_nodes_network_unless_it_says_so() -> None:
    pod = daemon_set()["spec"]["template"]["spec"]
    (volume,) = pod["volumes"]
    assert volume["hostPath"] == {"path": "/var/lib/kubelet/device-plugins", "type": "Directory"}
    assert "hostNetwork" not in pod
    assert daemon_set(host_network=True)["spec"]["template"]["spec"]["hostNetwork"] is True
