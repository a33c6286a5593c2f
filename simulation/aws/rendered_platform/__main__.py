"""The platform with the objects of its cluster rendered to files instead of applied.

The engine runs this folder in place of `infra`; the rest of the program is the real one.
"""

import os

import pulumi
import pulumi_kubernetes as kubernetes

from infra import assembly, kubernetes_provider, outputs, target
from infra.parts import SECRET_KEYS
from infra.settings import reader


def _render(
    name: str, *, kubeconfig: pulumi.Input[str] | None, context: str | None = None
) -> kubernetes.Provider:
    """Return a provider that needs no cluster; like the real one it waits for the kubeconfig."""
    if context is not None:
        raise ValueError(f"context {context}: stacks on AWS create their cluster")
    folder = os.environ["PLINTH_RENDERED"]
    known = pulumi.Output.from_input(kubeconfig).apply(lambda _: folder)
    return kubernetes.Provider(
        name,
        render_yaml_to_directory=pulumi.Output.unsecret(known),
        cluster_identifier=name,
        enable_server_side_apply=True,
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
    )


kubernetes_provider.make = _render
settings = reader.load()
outputs.export(assembly.deploy(settings, reader.secrets(SECRET_KEYS), target.connect(settings)))
