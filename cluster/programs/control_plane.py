"""API server, controller manager and scheduler."""

from typing import Any

from cluster.cidrs import POD_CIDR, SERVICE_CIDR
from cluster.instance import Addresses, Instance
from cluster.processes import Process
from cluster.programs import audit, binaries, etcd
from cluster.programs.certificates import API_PORT, kubeconfig


def api_server(instance: Instance, addresses: Addresses) -> Process:
    """Return the API server."""
    pki = instance.pki
    return Process(
        name="kube-apiserver",
        argv=(
            str(binaries.path("kube-apiserver")),
            f"--advertise-address={addresses.node_ip}",
            f"--secure-port={API_PORT}",
            "--allow-privileged=true",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--anonymous-auth=false",
            "--profiling=false",
            f"--client-ca-file={pki / 'ca.crt'}",
            f"--tls-cert-file={pki / 'apiserver.crt'}",
            f"--tls-private-key-file={pki / 'apiserver.key'}",
            f"--etcd-servers=https://{etcd.CLIENT}",
            f"--etcd-cafile={pki / 'etcd' / 'ca.crt'}",
            f"--etcd-certfile={pki / 'apiserver-etcd-client.crt'}",
            f"--etcd-keyfile={pki / 'apiserver-etcd-client.key'}",
            f"--kubelet-client-certificate={pki / 'apiserver-kubelet-client.crt'}",
            f"--kubelet-client-key={pki / 'apiserver-kubelet-client.key'}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--proxy-client-cert-file={pki / 'front-proxy-client.crt'}",
            f"--proxy-client-key-file={pki / 'front-proxy-client.key'}",
            f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={pki / 'sa.pub'}",
            f"--service-account-signing-key-file={pki / 'sa.key'}",
            # Otherwise a token that a pod loses is good for a year.
            "--service-account-extend-token-expiration=false",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            "--event-ttl=30m",
            *audit.flags(instance),
            # One client machine: fairness between tenants costs memory and buys nothing here.
            "--enable-priority-and-fairness=false",
        ),
        environment=binaries.lean(),
        needs=(etcd.CLIENT,),
    )


def _client_flags(instance: Instance, user: str) -> tuple[str, ...]:
    """Return the flags of a program that works through the API; there is one of each, so none is elected."""
    own = kubeconfig(instance, user)
    return (
        f"--kubeconfig={own}",
        f"--authentication-kubeconfig={own}",
        f"--authorization-kubeconfig={own}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--profiling=false",
    )


def controller_manager(instance: Instance, api: str) -> Process:
    """Return the controller manager."""
    pki = instance.pki
    return Process(
        name="kube-controller-manager",
        argv=(
            str(binaries.path("kube-controller-manager")),
            *_client_flags(instance, "controller-manager"),
            "--allocate-node-cidrs=true",
            f"--cluster-cidr={POD_CIDR}",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            f"--root-ca-file={pki / 'ca.crt'}",
            f"--client-ca-file={pki / 'ca.crt'}",
            f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
            f"--cluster-signing-cert-file={pki / 'ca.crt'}",
            f"--cluster-signing-key-file={pki / 'ca.key'}",
            f"--service-account-private-key-file={pki / 'sa.key'}",
            "--use-service-account-credentials=true",
            # Otherwise it creates its plugin folder below /usr/libexec.
            "--flex-volume-plugin-dir=/run/volume-plugins",
        ),
        environment=binaries.lean(),
        needs=(api,),
    )


def scheduler(instance: Instance, api: str) -> Process:
    """Return the scheduler."""
    return Process(
        name="kube-scheduler",
        argv=(
            str(binaries.path("kube-scheduler")),
            *_client_flags(instance, "scheduler"),
        ),
        environment=binaries.lean(),
        needs=(api,),
    )


def kubelet_access() -> list[dict[str, Any]]:
    """Return the binding that `logs`, `exec` and `port-forward` need; without it they are Forbidden."""
    group = "rbac.authorization.k8s.io"
    return [
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "plinth:apiserver-kubelet"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "system:kubelet-api-admin"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": "kube-apiserver-kubelet-client"}],
        }
    ]
