"""Deploys the platform: the parts that the settings ask for, in the order of `infra.parts.PARTS`."""

import datetime
from collections.abc import Collection, Mapping, Sequence

import pulumi

from components.shapes.kept_secrets import KeptSecrets, KeptSecretsArgs
from components.shapes.platform_namespace import PlatformNamespace, PlatformNamespaceArgs
from infra import generated
from infra.errors import SettingsError
from infra.parts import PARTS, SECRETS_NAME
from infra.parts.part import Connections, Part
from infra.parts.plan import Plan, plan
from infra.parts.secrets import Secret
from infra.parts.site import Site
from infra.settings.stack import PROJECT, Settings
from infra.target import Target


def prepare(made: Plan, secrets: Mapping[str, pulumi.Output[str]], where: Target) -> Site:
    """Create the namespaces of a plan and return the shared inputs of its parts."""
    opts = pulumi.ResourceOptions(provider=where.cluster.provider)
    namespaces = {
        name: PlatformNamespace(name, PlatformNamespaceArgs(namespace=name), opts).namespace
        for name in made.namespaces
    }
    return Site(plan=made, secrets=secrets, namespaces=namespaces, target=where)


def keep_secrets(
    secrets: Collection[Secret], given: Mapping[str, pulumi.Output[str]]
) -> Mapping[str, pulumi.Output[str]]:
    """Return the secrets that the stack's state keeps; a new one starts as given, or else as generated."""
    initial: dict[str, Mapping[str, pulumi.Input[str]]] = {}
    for secret in secrets:
        chosen = {key: given[key] for key in secret.keys if key in given}
        initial[secret.name] = chosen if len(chosen) == len(secret.keys) else generated.values(secret)
    today = datetime.datetime.now(datetime.UTC).date()
    renewals = {secret.name: generated.renewal(secret, today) for secret in secrets}
    values = KeptSecrets(SECRETS_NAME, KeptSecretsArgs(initial=initial, renewals=renewals)).values
    for key, value in given.items():
        pulumi.Output.all(value, values[key]).apply(lambda both, key=key: _say_if_unused(key, *both))
    return values


def _say_if_unused(key: str, given: str, kept: str) -> None:
    if given != kept:
        pulumi.log.warn(
            f"{PROJECT}:{key} is not the value in use: rotate the secret to use it, or remove it "
            "(docs/how-to/rotate-a-secret.md)"
        )


def deploy(
    settings: Settings,
    given: Mapping[str, pulumi.Output[str]],
    target: Target,
    parts: Sequence[Part] = PARTS,
) -> dict[str, pulumi.Input[object]]:
    """Deploy the platform and return the outputs of the stack.

    Args:
        settings: the stack's choices.
        given: secrets that the user chose, by key; the others are generated.
        target: the cluster.
        parts: everything that a stack may have.

    Raises:
        SettingsError: the parts do not fit together; one line.
    """
    made = plan(settings, parts)
    # Those of all parts, wanted or not: a part can be enabled later, or again.
    secrets = dict.fromkeys((*(each for part in parts for each in part.secrets), *made.secrets))
    site = prepare(made, keep_secrets(secrets, given), target)
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
