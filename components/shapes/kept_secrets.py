"""Random values that the stack's state keeps, encrypted: they are the same in every later update."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
from pulumi import ResourceOptions


@dataclass(frozen=True, kw_only=True)
class KeptSecretsArgs:
    """Inputs of `KeptSecrets`."""

    initial: Mapping[str, Mapping[str, pulumi.Input[str]]]
    """Values by key, by name of the secret; they count when the secret is created or replaced."""
    renewals: Mapping[str, int | str | None] = field(default_factory=dict[str, int | str | None])
    """Value by name of the secret: another value replaces the secret, without one only a user does."""

    def __post_init__(self) -> None:
        """Reject a key that two secrets claim."""
        keys = [key for values in self.initial.values() for key in values]
        if len(keys) != len(set(keys)):
            raise ValueError(f"initial: {', '.join(sorted(keys))}; give every value a key of its own")


class KeptSecrets(pulumi.ComponentResource):
    """One resource per secret, which the engine itself keeps: no provider knows of it."""

    values: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: KeptSecretsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:KeptSecrets", name, {}, opts)
        self.values = {}
        for secret, initial in args.initial.items():
            stash = pulumi.Stash(
                f"{name}-{secret}",
                input=pulumi.Output.secret(dict(initial)),
                # The program makes new values in every run; a replacement takes them, an update does not.
                opts=ResourceOptions(
                    parent=self,
                    ignore_changes=["input"],
                    replacement_trigger=args.renewals.get(secret),
                ),
            )
            for key in initial:
                self.values[key] = pulumi.Output.secret(stash.output.apply(lambda kept, key=key: kept[key]))
        self.register_outputs({})
