"""Deploys the platform: the parts that the settings ask for, in the order of `infra.parts.PARTS`."""

from collections.abc import Mapping, Sequence

import pulumi

from components.shapes.platform_namespace import PlatformNamespace, PlatformNamespaceArgs
from infra.errors import SettingsError
from infra.parts import PARTS
from infra.parts.part import Connections, Part
from infra.parts.plan import Plan, plan
from infra.parts.site import Site
from infra.settings.stack import Settings
from infra.target import Target


def prepare(made: Plan, secrets: Mapping[str, pulumi.Output[str]], where: Target) -> Site:
    """Create the namespaces of a plan and return the shared inputs of its parts."""
    opts = pulumi.ResourceOptions(provider=where.cluster.provider)
    namespaces = {
        name: PlatformNamespace(name, PlatformNamespaceArgs(namespace=name), opts).namespace
        for name in made.namespaces
    }
    return Site(plan=made, secrets=secrets, namespaces=namespaces, target=where)


def deploy(
    settings: Settings,
    secrets: Mapping[str, pulumi.Output[str]],
    target: Target,
    parts: Sequence[Part] = PARTS,
) -> dict[str, pulumi.Input[object]]:
    """Deploy the platform and return the outputs of the stack.

    Raises:
        SettingsError: the parts do not fit together; one line.
    """
    made = plan(settings, parts)
    site = prepare(made, secrets, target)
    connections = Connections()
    outputs: dict[str, pulumi.Input[object]] = {}
    owners: dict[str, str] = {}
    for part in made.parts:
        provided = part.deploy(site, connections)
        if {type(each) for each in provided.connections} != set(part.provides):
            names = ", ".join(each.__name__ for each in part.provides) or "no connection"
            raise SettingsError(f"part {part.name} declares {names} and returned something else")
        if twice := owners.keys() & provided.outputs.keys():
            output = min(twice)
            raise SettingsError(
                f"parts {owners[output]} and {part.name} both provide the output {output}: rename one of them"
            )
        owners |= dict.fromkeys(provided.outputs, part.name)
        connections.add(provided)
        outputs |= provided.outputs
    domain = settings.gateway.domain
    outputs["routes"] = [
        {"host": f"{each.host}.{domain}", "title": each.title, "description": each.description}
        for each in made.routes
    ]
    return outputs
