"""The cluster of this machine, for programs that Pulumi runs without `python -m infra`."""

import os

from cluster.errors import ClusterError
from cluster.instance import Instance
from infra.errors import SettingsError


def kubeconfig() -> str | None:
    """Return the kubeconfig of this machine's cluster, or None if KUBECONFIG names another.

    Without it the provider would use the current context of ~/.kube/config, whatever cluster that is.

    Raises:
        SettingsError: there is neither.
    """
    if os.environ.get("KUBECONFIG"):
        return None
    name = os.environ.get("PLINTH_INSTANCE") or "default"
    try:
        return Instance(name).kubeconfig.read_text()
    except (OSError, ClusterError):
        raise SettingsError(
            f"cluster {name!r} of this machine is not there: run `make cluster`, set KUBECONFIG, or set "
            "plinth:cluster.kubeconfig"
        ) from None
