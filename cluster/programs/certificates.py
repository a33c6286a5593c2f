"""Certificates and kubeconfigs, all made by kubeadm's phases."""

import json
from pathlib import Path
from typing import Any

from cluster.cidrs import POD_CIDR, SERVICE_CIDR
from cluster.command import run
from cluster.instance import Addresses, Instance
from cluster.programs import binaries
from upstream.cache import write_atomically

API_PORT = 6443
# Users for supervised processes that kubeadm makes no kubeconfig for.
_EXTRA_USERS = {
    "kube-proxy": "system:kube-proxy",
    "kube-router": "plinth:kube-router",
    "storage": "plinth:storage",
}


def kubeconfig(instance: Instance, user: str) -> Path:
    """Return the kubeconfig of one component."""
    return instance.pki / f"{user}.conf"


def _configuration(instance: Instance, addresses: Addresses) -> str:
    documents: list[dict[str, Any]] = [
        {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "InitConfiguration",
            "localAPIEndpoint": {"advertiseAddress": addresses.node_ip, "bindPort": API_PORT},
            "nodeRegistration": {"name": instance.node, "ignorePreflightErrors": ["all"]},
        },
        {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "ClusterConfiguration",
            "clusterName": f"plinth-{instance.name}",
            "kubernetesVersion": binaries.version("kubernetes", "k8s.io/kubernetes"),
            "certificatesDir": str(instance.pki),
            "controlPlaneEndpoint": f"{addresses.node_ip}:{API_PORT}",
            "networking": {"serviceSubnet": SERVICE_CIDR, "podSubnet": POD_CIDR},
            "apiServer": {"certSANs": ["localhost", "127.0.0.1", addresses.node_ip]},
            "encryptionAlgorithm": "ECDSA-P256",
        },
    ]
    return "\n---\n".join(json.dumps(document) for document in documents)


def create(instance: Instance, addresses: Addresses) -> None:
    """Create the certificates and kubeconfigs; an instance keeps those that it has."""
    done = instance.pki / "complete"
    if done.exists():
        return
    config = instance.folder / "config" / "kubeadm.yaml"
    write_atomically(config, _configuration(instance, addresses))
    kubeadm = binaries.path("kubeadm")
    run([kubeadm, "init", "phase", "certs", "all", f"--config={config}"])
    phase = [kubeadm, "init", "phase", "kubeconfig"]
    run([*phase, "all", f"--config={config}", f"--kubeconfig-dir={instance.pki}"])
    for name, user in _EXTRA_USERS.items():
        text = run([kubeadm, "kubeconfig", "user", f"--config={config}", f"--client-name={user}"])
        _write_private(kubeconfig(instance, name), text)
    # The group in admin.conf gets its rights only from a later phase of kubeadm; this one has them.
    _write_private(instance.kubeconfig, kubeconfig(instance, "super-admin").read_text())
    done.touch()


def _write_private(path: Path, text: str) -> None:
    write_atomically(path, text)
    path.chmod(0o600)


def grant(name: str, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a cluster role with these rules, bound to the user of a supervised process."""
    group = "rbac.authorization.k8s.io"
    return [
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": f"plinth:{name}"},
            "rules": rules,
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"plinth:{name}"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": f"plinth:{name}"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": f"plinth:{name}"}],
        },
    ]
