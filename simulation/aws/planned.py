"""Reads the plan of `pulumi preview --json`: its resources, and what each depends on."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from simulation.aws import wire


@dataclass(frozen=True, kw_only=True)
class PlannedResource:
    """One resource of a plan."""

    operation: str
    """create, update, replace, delete or same; a replacement has only its main step."""
    urn: str
    token: str
    inputs: Mapping[str, Any]
    references: Mapping[str, tuple[str, ...]]
    """URNs of the resources that each input depends on."""
    protect: bool
    retain_on_delete: bool
    dependencies: tuple[str, ...] = ()
    """URNs of the resources that must exist before it."""
    replacing: tuple[str, ...] = ()
    """Inputs that make AWS replace the resource."""
    changed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The Pulumi name."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def is_aws(self) -> bool:
        """Whether it is a resource in AWS, not in the cluster."""
        return self.token.startswith("aws:")

    def unknown(self, name: str) -> bool:
        """Return whether an input is not known in the plan."""
        return wire.holds_unknown(self.inputs.get(name))


def parse(output: str) -> list[PlannedResource]:
    """Return the resources of a preview's JSON; a notice of the engine may precede it.

    Raises:
        ValueError: the output contains no plan.
    """
    start = output.find("{")
    if start < 0:
        raise ValueError(f"no plan: {output[:500]}")
    plan: dict[str, Any] = json.JSONDecoder().raw_decode(output[start:])[0]
    return [_planned(step) for step in plan.get("steps", []) if _is_main(step)]


def aws(resources: Iterable[PlannedResource]) -> list[PlannedResource]:
    """Return the resources in AWS, without the provider itself."""
    return [each for each in resources if each.is_aws]


def _is_main(step: Mapping[str, Any]) -> bool:
    """Return whether a step represents its resource: a replacement also has steps that create and delete."""
    return step["op"] not in ("create-replacement", "delete-replaced", "discard-replaced", "read-replacement")


def _planned(step: Mapping[str, Any]) -> PlannedResource:
    state: Mapping[str, Any] = step.get("newState") or step.get("oldState") or {}
    depends: Mapping[str, list[str] | None] = state.get("propertyDependencies") or {}
    return PlannedResource(
        operation=step["op"],
        urn=step["urn"],
        token=state.get("type", ""),
        inputs=state.get("inputs") or {},
        references={name: tuple(urns or ()) for name, urns in depends.items()},
        dependencies=tuple(state.get("dependencies") or ()),
        protect=bool(state.get("protect")),
        retain_on_delete=bool(state.get("retainOnDelete")),
        replacing=tuple(step.get("replaceReasons") or ()),
        changed=tuple(step.get("diffReasons") or ()),
    )
