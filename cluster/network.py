"""Networking: the instance's link to the machine, pods, services and network policies."""

import ipaddress
import json
from pathlib import Path
from typing import Any

from cluster.cidrs import NODE_POD_CIDR, POD_CIDR, SERVICE_CIDR
from cluster.command import run
from cluster.errors import ClusterError
from cluster.instance import Instance
from cluster.processes import Network, Process
from cluster.programs import binaries, certificates
from upstream.cache import write_atomically

_LINKS = ipaddress.IPv4Network("10.213.0.0/16")
_LINK_PREFIX = 30
_CNI_PLUGINS = "/usr/lib/cni"
_CNI_STATE = "/run/cni"


def machine_routes() -> list[ipaddress.IPv4Network]:
    """Return the destinations that this machine has routes to, the default route left out."""
    routes: list[ipaddress.IPv4Network] = []
    for entry in json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"])):
        if entry["dst"] != "default":
            routes.append(ipaddress.IPv4Network(entry["dst"], strict=False))
    return routes


def free_link(key: str, taken: list[ipaddress.IPv4Network]) -> tuple[str, str]:
    """Return the host and node addresses of a link that overlaps no route; `key` picks the first try."""
    count = 2 ** (_LINK_PREFIX - _LINKS.prefixlen)
    first = int(key, 16) % count
    for offset in range(count):
        base = int(_LINKS.network_address) + 4 * ((first + offset) % count)
        candidate = ipaddress.IPv4Network((base, _LINK_PREFIX))
        if not any(candidate.overlaps(route) for route in taken):
            host, node = candidate.hosts()
            return str(host), str(node)
    raise ClusterError(f"no free network for the cluster's link: this machine has routes to all of {_LINKS}")


def plan(instance: Instance, host_ip: str, node_ip: str) -> Network:
    """Return the instance's end of the link."""
    return Network(
        link=instance.link,
        host_ip=host_ip,
        node_ip=node_ip,
        prefix=_LINK_PREFIX,
        service_cidr=SERVICE_CIDR,
    )


def connect(network: Network, pid: int) -> None:
    """Create the link between the machine and the network namespace of a process."""
    run(["ip", "link", "add", network.link, "type", "veth", "peer", "name", "eth0", "netns", str(pid)])
    run(["ip", "address", "add", f"{network.host_ip}/{network.prefix}", "dev", network.link])
    run(["ip", "link", "set", network.link, "up"])


def disconnect(instance: Instance) -> None:
    """Remove the machine's end of the link, if it is there."""
    if Path("/sys/class/net", instance.link).exists():
        run(["ip", "link", "delete", instance.link])


def write_cni(folder: Path) -> None:
    """Write the CNI configuration: point-to-point links, one address range, host ports."""
    addresses: dict[str, Any] = {
        "type": "host-local",
        "dataDir": f"{_CNI_STATE}/networks",
        "ranges": [[{"subnet": NODE_POD_CIDR}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    chain: dict[str, Any] = {
        "cniVersion": "1.0.0",
        "name": "plinth",
        "plugins": [
            {"type": "ptp", "ipMasq": False, "ipam": addresses},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }
    write_atomically(folder / "10-plinth.conflist", json.dumps(chain, indent=1))


def containerd_cni(folder: Path) -> str:
    """Return containerd's settings for this pod network."""
    return f'bin_dirs = ["{_CNI_PLUGINS}"]\nconf_dir = "{folder}"'


def kube_proxy(instance: Instance, api: str) -> Process:
    """Return kube-proxy, which translates service addresses with nftables."""
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clusterCIDR": POD_CIDR,
        "hostnameOverride": instance.node,
        "clientConnection": {"kubeconfig": str(certificates.kubeconfig(instance, "kube-proxy"))},
        # Zero keeps the machine's connection tracking limits.
        "conntrack": {"maxPerCore": 0, "min": 0},
        "metricsBindAddress": "127.0.0.1:10249",
        "healthzBindAddress": "127.0.0.1:10256",
    }
    path = instance.folder / "config" / "kube-proxy.json"
    write_atomically(path, json.dumps(config, indent=1))
    return Process(
        name="kube-proxy",
        argv=(str(binaries.path("kube-proxy")), f"--config={path}"),
        environment=binaries.lean(),
        needs=(api,),
    )


def kube_router(instance: Instance, api: str) -> Process:
    """Return kube-router, which only enforces network policies."""
    return Process(
        name="kube-router",
        argv=(
            str(binaries.path("kube-router")),
            "--run-firewall=true",
            "--run-router=false",
            "--run-service-proxy=false",
            "--enable-cni=false",
            f"--kubeconfig={certificates.kubeconfig(instance, 'kube-router')}",
            f"--hostname-override={instance.node}",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            "--health-port=0",
            "--metrics-port=0",
        ),
        environment=binaries.lean(),
        needs=(api,),
    )


def kube_router_rights() -> list[dict[str, Any]]:
    """Return the RBAC objects of kube-router's user."""
    return certificates.grant(
        "kube-router",
        [
            {
                "apiGroups": [""],
                "resources": ["namespaces", "pods", "services", "nodes", "endpoints"],
                "verbs": ["get", "list", "watch"],
            },
            {
                "apiGroups": ["networking.k8s.io"],
                "resources": ["networkpolicies"],
                "verbs": ["get", "list", "watch"],
            },
            {
                "apiGroups": ["discovery.k8s.io"],
                "resources": ["endpointslices"],
                "verbs": ["get", "list", "watch"],
            },
        ],
    )
