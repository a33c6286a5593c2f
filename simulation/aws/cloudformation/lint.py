"""Runs cfn-lint on planned resources: types, enumerations, patterns, ranges, policies and actions of IAM."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cfnlint import api
from cfnlint.config import ManualArgs

from simulation.aws.cloudformation.template import template
from simulation.aws.planned import PlannedResource

# Rules for people who write templates, each with what it asks for; ours exists for the time of a check.
_ABOUT_TEMPLATES: Mapping[str, str] = {
    "W2001": "parameters that are used",
    "W2501": "passwords that are parameters",
    "W3010": "zones that are looked up",
}
_UNMAPPED = "has no name in CloudFormation: add one, or a gap, to simulation/aws/cloudformation/names.py"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One fault of one resource."""

    rule: str
    """cfn-lint's number of its rule, or `mapping`."""
    resource: str
    """Type and Pulumi name."""
    path: str
    message: str

    def text(self) -> str:
        """Return the failure as one line."""
        return f"{self.rule}: {self.resource} {self.path}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class Exemption:
    """A fault that is none, and the reason."""

    rule: str
    says: str
    """Part of the message."""
    reason: str

    def covers(self, failure: Failure) -> bool:
        """Return whether it is about a failure."""
        return failure.rule == self.rule and self.says in failure.message


_PREFIX = "with upgrades of minor versions a prefix of the version is enough; cfn-lint lists whole versions"
EXEMPTIONS = (
    Exemption(rule="E3691", says="'10.11' is not one of", reason=_PREFIX),
    Exemption(rule="W3691", says="'17' for engine 'postgres' is deprecated", reason=_PREFIX),
)


def find(resources: Sequence[PlannedResource], region: str) -> list[Failure]:
    """Return every fault that cfn-lint finds in the resources, and every input that it was not given."""
    made = template(resources)
    failures = [Failure(rule="mapping", resource=each, path="", message=_UNMAPPED) for each in made.unmapped]
    config = ManualArgs(regions=[region], ignore_checks=[*_ABOUT_TEMPLATES])
    for match in api.lint(json.dumps(made.document), config=config):
        # Resources, logical id, Properties, and the path inside them; rules about the whole name no place.
        path = [str(each) for each in getattr(match, "path", [])]
        failures.append(
            Failure(
                rule=match.rule.id,
                resource=made.names.get(path[1], "") if len(path) > 1 else "",
                path=".".join(path[3:]),
                message=match.message,
            )
        )
    return failures


def without_exemptions(failures: Sequence[Failure]) -> list[Failure]:
    """Return the failures that no exemption covers."""
    return [each for each in failures if not any(one.covers(each) for one in EXEMPTIONS)]
