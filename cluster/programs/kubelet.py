"""The kubelet."""

import json

from cluster.cidrs import DNS_SERVICE_IP
from cluster.instance import Addresses, Instance
from cluster.processes import Process
from cluster.programs import binaries, containerd
from cluster.programs.certificates import kubeconfig
from upstream.cache import write_atomically

# The default path, private to the instance; device plugins know no other.
ROOT = "/var/lib/kubelet"


def process(instance: Instance, addresses: Addresses, api: str) -> Process:
    """Write the configuration and return the kubelet's process."""
    config_folder = instance.folder / "config"
    resolver = config_folder / "resolv.conf"
    # Pods with the node's DNS policy get no resolver: the cluster has no egress.
    write_atomically(resolver, "")
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(instance.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{instance.cgroup}",
        "failCgroupV1": False,
        "clusterDNS": [DNS_SERVICE_IP],
        "clusterDomain": "cluster.local",
        "resolvConf": str(resolver),
        "containerRuntimeEndpoint": f"unix://{containerd.SOCKET}",
        # The disk is shared with the machine's user, whose files must not cause evictions.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "serializeImagePulls": False,
        "maxParallelImagePulls": 4,
        "registryPullQPS": 0,
        "maxPods": 250,
        # A step that forks without end stops itself, not the machine.
        "podPidsLimit": 1024,
        "failSwapOn": False,
        # kube-proxy owns all rules; the kubelet's chains only serve other programs.
        "makeIPTablesUtilChains": False,
        "volumePluginDir": "/run/volume-plugins",
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
        "eventRecordQPS": 0,
        # A pod that crashed because its dependency was not up yet restarts soon.
        "crashLoopBackOff": {"maxContainerRestartPeriod": "20s"},
        "shutdownGracePeriod": "0s",
    }
    path = config_folder / "kubelet.json"
    write_atomically(path, json.dumps(config, indent=1))
    return Process(
        name="kubelet",
        argv=(
            str(binaries.path("kubelet")),
            f"--config={path}",
            f"--kubeconfig={kubeconfig(instance, 'kubelet')}",
            f"--root-dir={ROOT}",
            f"--cert-dir={instance.folder / 'kubelet-pki'}",
            f"--hostname-override={instance.node}",
            f"--node-ip={addresses.node_ip}",
        ),
        environment=binaries.lean(),
        needs=(containerd.SOCKET, api),
    )
