"""Records of what served: one of each rollout, written once by the delivery controller, when it has ended."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, Final, Self

from workloads.serving.model_rollout import Phase

RECORD: Final = "rollout."
"""What the names of tags of model versions begin with that hold these records; the rollout's follows."""
RUN_TAG: Final = "rollout.name"
"""Tag of the MLflow run that keeps a record as its artifact, with the rollout's name."""
RECORD_FILE: Final = "rollout.json"
"""Name of that artifact."""
EXPERIMENT: Final = "experiment."
"""What the names of tags begin with that hold the result of a version's last experiment."""
_ALL: Final = 100


@dataclass(frozen=True, kw_only=True)
class RolloutRecord:
    """How a rollout ended, on whose word, and on what evidence."""

    rollout: str
    """Its name."""
    model: str
    version: str
    """The version that was rolled out."""
    digest: str
    """Digest of its files."""
    before: str
    """The version that served before; empty if none did."""
    digest_before: str
    """Digest of the files of that version; empty if no rollout of it is left."""
    at: str
    """When the rollout ended, in UTC."""
    ended: str
    """Promoted or RolledBack."""
    because: str
    """What the controller says of it, with figures."""
    reason: str
    """Why somebody asked for it."""
    requested_by: str
    approved_by: str
    """Empty if nobody had to approve."""
    counts: tuple[Mapping[str, int], ...] = ()
    """Requests that both versions answered at each share, and those that failed, as the rollout's status."""
    proofs: tuple[Mapping[str, str], ...] = ()
    """What was found before any caller: golden rows and shadow, as the rollout's conditions."""
    evidence: Mapping[str, float] = field(default_factory=dict[str, float])
    """Each verdict's last value, and what it would have had to reach."""
    experiment: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What was asked of an experiment, and its result, as in spec and status; empty without one."""

    @property
    def promoted(self) -> bool:
        """Whether the version serves since then."""
        return self.ended == Phase.PROMOTED

    @property
    def weights_before(self) -> Mapping[str, int]:
        """Version -> its share of the requests before the rollout, in percent."""
        return {self.before: _ALL} if self.before else {}

    @property
    def weights_after(self) -> Mapping[str, int]:
        """Version -> its share of the requests after the rollout, in percent."""
        return {self.version: _ALL} if self.promoted else self.weights_before

    def to_json(self) -> dict[str, Any]:
        """Return the record as it is kept: keys as in a ModelRollout."""
        own = {_camel(key): value for key, value in asdict(self).items()}
        return {**own, "weightsBefore": dict(self.weights_before), "weightsAfter": dict(self.weights_after)}

    def text(self) -> str:
        """Return the record as a line of JSON."""
        return json.dumps(self.to_json(), ensure_ascii=False)

    def tags(self) -> dict[str, str]:
        """Return the tags of the version: the record, and the result of an experiment."""
        found = {f"{RECORD}{self.rollout}": self.text()}
        if self.experiment.get("begunAt"):
            found |= {
                f"{EXPERIMENT}verdict": str(self.experiment["verdict"]),
                f"{EXPERIMENT}against": self.before,
                f"{EXPERIMENT}metric": str(self.experiment["metric"]),
                f"{EXPERIMENT}result": str(self.experiment["says"]),
            }
        return found

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what `text` wrote.

        Raises:
            ValueError: it is no such record.
        """
        found: Any = json.loads(text)
        try:
            # Records of earlier releases lack what has been added since.
            return cls(
                **{
                    each.name: found[_camel(each.name)]
                    for each in fields(cls)
                    if each.default_factory is MISSING or _camel(each.name) in found
                }
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"no record of a rollout: {type(error).__name__} {error}") from None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.capitalize() for each in rest)
