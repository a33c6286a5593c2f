"""The container runtime; it pulls every image, whatever its host, from the instance's own registry."""

from pathlib import Path

from cluster import network
from cluster.instance import Instance
from cluster.processes import PATH, Process
from cluster.programs import binaries, registry
from upstream import image_recipe
from upstream.cache import write_atomically

SOCKET = "/run/containerd/containerd.sock"
# Kubernetes' name for the image of a pod's sandbox; images/pause is its content.
_PAUSE_VERSION = "3.10"

_CONFIG = """\
version = 3
root = "{root}"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.erofs",
  "io.containerd.differ.v1.erofs",
  "io.containerd.nri.v1.nri",
  "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing",
]

[grpc]
address = "{socket}"

[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"
# The instance's registry keeps every layer; a second copy would double the disk that an instance needs.
discard_unpacked_layers = true

[plugins."io.containerd.transfer.v1.local"]
max_concurrent_downloads = 8
max_concurrent_unpacks = 2
config_path = "{mirrors}"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{pause}"

[plugins."io.containerd.cri.v1.images".registry]
config_path = "{mirrors}"

[plugins."io.containerd.cri.v1.runtime"]
# Without CAP_SYS_RESOURCE a process cannot lower its own score, and every sandbox would fail.
restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".containerd]
default_runtime_name = "runc"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
runtime_path = "{shim}"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "{runc}"
SystemdCgroup = false

[plugins."io.containerd.cri.v1.runtime".cni]
# Saves starting a program per pod.
use_internal_loopback = true
{cni}
"""

_MIRROR = """\
server = "{registry}"

[host."{registry}"]
capabilities = ["pull", "resolve"]
"""


def pause_image() -> str:
    """Return the reference of the sandbox image of pods."""
    return f"registry.k8s.io/pause:{image_recipe.tag('pause', _PAUSE_VERSION)}"


def process(instance: Instance) -> Process:
    """Write the configuration and return containerd's process."""
    folder = instance.folder / "config"
    network.write_cni(folder / "cni")
    mirrors = folder / "mirrors"
    write_atomically(
        mirrors / "_default" / "hosts.toml", _MIRROR.format(registry=f"http://{registry.INSIDE}")
    )
    config = folder / "containerd.toml"
    shim = binaries.path("containerd-shim-runc-v2")
    write_atomically(
        config,
        _CONFIG.format(
            root=instance.folder / "containerd",
            socket=SOCKET,
            pause=pause_image(),
            mirrors=mirrors,
            shim=shim,
            runc=binaries.path("runc"),
            cni=network.containerd_cni(folder / "cni"),
        ),
    )
    program = binaries.path("containerd")
    folders = dict.fromkeys(str(Path(binary).parent) for binary in (program, shim, binaries.path("runc")))
    return Process(
        name="containerd",
        argv=(str(program), f"--config={config}", "--log-level=warn"),
        environment={"PATH": ":".join([*folders, PATH]), **binaries.lean()},
    )
