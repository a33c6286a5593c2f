"""etcd, the control plane's store."""

from cluster.instance import Instance
from cluster.processes import Process
from cluster.programs import binaries

CLIENT = "127.0.0.1:2379"
_PEER = "127.0.0.1:2380"


def process(instance: Instance) -> Process:
    """Return the etcd process; its data outlives a restart of the instance."""
    pki = instance.pki / "etcd"
    return Process(
        name="etcd",
        argv=(
            str(binaries.path("etcd")),
            "--name=default",
            f"--data-dir={instance.folder / 'etcd'}",
            f"--listen-client-urls=https://{CLIENT}",
            f"--advertise-client-urls=https://{CLIENT}",
            f"--listen-peer-urls=https://{_PEER}",
            f"--initial-advertise-peer-urls=https://{_PEER}",
            f"--initial-cluster=default=https://{_PEER}",
            f"--cert-file={pki / 'server.crt'}",
            f"--key-file={pki / 'server.key'}",
            f"--trusted-ca-file={pki / 'ca.crt'}",
            "--client-cert-auth=true",
            f"--peer-cert-file={pki / 'peer.crt'}",
            f"--peer-key-file={pki / 'peer.key'}",
            f"--peer-trusted-ca-file={pki / 'ca.crt'}",
            "--peer-client-cert-auth=true",
            "--listen-metrics-urls=http://127.0.0.1:2381",
            "--snapshot-count=10000",
            "--log-level=warn",
        ),
        environment=binaries.lean(),
    )
