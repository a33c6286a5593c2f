"""What the engine plans: the resources of `pulumi preview --json`, with what each depends on."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from simulation.aws import wire


@dataclass(frozen=True, kw_only=True)
class PlannedResource:
    """One resource of a plan."""

    operation: str
    """create, update, replace, delete or same; of the steps of a replacement this is the main one."""
    urn: str
    token: str
    inputs: Mapping[str, Any]
    references: Mapping[str, tuple[str, ...]]
    """URNs of the resources that an input was made from."""
    protect: bool
    retain_on_delete: bool
    replacing: tuple[str, ...] = ()
    """Inputs that make AWS replace the resource."""
    changed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The Pulumi name."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def is_aws(self) -> bool:
        """Whether it lies in AWS, not in the cluster."""
        return self.token.startswith("aws:")

    def unknown(self, name: str) -> bool:
        """Return whether an input is not known in the plan."""
        return wire.holds_unknown(self.inputs.get(name))


def parse(output: str) -> list[PlannedResource]:
    """Return the resources of a preview's JSON; the engine may have written a notice before it.

    Raises:
        ValueError: there is no plan in the output.
    """
    start = output.find("{")
    if start < 0:
        raise ValueError(f"no plan: {output[:500]}")
    plan: dict[str, Any] = json.JSONDecoder().raw_decode(output[start:])[0]
    return [_planned(step) for step in plan.get("steps", []) if _is_main(step)]


def aws(resources: Iterable[PlannedResource]) -> list[PlannedResource]:
    """Return the resources in AWS, the provider itself left out."""
    return [each for each in resources if each.is_aws]


def _is_main(step: Mapping[str, Any]) -> bool:
    """Return whether a step stands for its resource: a replacement also creates and deletes."""
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
        protect=bool(state.get("protect")),
        retain_on_delete=bool(state.get("retainOnDelete")),
        replacing=tuple(step.get("replaceReasons") or ()),
        changed=tuple(step.get("diffReasons") or ()),
    )
