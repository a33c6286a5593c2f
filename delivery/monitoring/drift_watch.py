"""The round that reads what the pods of each serving version have counted, apart from that of rollouts."""

import json
import logging
from collections.abc import Sequence
from typing import Final

from delivery.direct import DirectSession
from delivery.monitoring import exposition
from delivery.monitoring.limits import DriftLimits
from delivery.monitoring.pod_counts import PodCounts
from delivery.monitoring.version_drift import VersionDrift
from delivery.rollouts.cluster import Cluster
from delivery.rounds import Rounds
from delivery.version import Version

_LOGGER = logging.getLogger("delivery")
URL: Final = "http://{address}:8081/bins"
_MOST_BYTES: Final = 2 * 1024 * 1024


class DriftWatch(Rounds):
    """Looks at the versions that get requests."""

    name = "drift"
    subject = "drift"
    interval = 10.0

    def __init__(self, namespaces: Sequence[str], limits: DriftLimits, cluster: Cluster) -> None:
        """Begin without having seen anything."""
        super().__init__()
        self._namespaces = namespaces
        self._limits = limits
        self._cluster = cluster
        self._versions: dict[Version, VersionDrift] = {}
        self._session = DirectSession()
        self.text = exposition.text({})

    def round(self) -> None:
        """Read every pod of every version that serves, once."""
        seen: set[Version] = set()
        for namespace in self._namespaces:
            try:
                seen.update(self._cluster.serving(namespace))
            except Exception as error:
                _LOGGER.warning("drift: routes of %s were not read (%s)", namespace, type(error).__name__)
                # What is known stays: nobody has said that it serves no longer.
                seen.update(each for each in self._versions if each.namespace == namespace)
        self._versions = {
            each: self._versions.get(each) or VersionDrift(self._limits) for each in sorted(seen)
        }
        self._forget_others(seen)
        for each in self._versions:
            try:
                self._look(each)
            except Exception as error:
                self._say(each, f"not compared ({type(error).__name__})")
        self.text = exposition.text(self._versions)

    def _look(self, version: Version) -> None:
        pods = self._cluster.pods_of(version)
        readings: dict[str, PodCounts] = {}
        problems: list[str] = []
        for pod, address in pods.items():
            try:
                readings[pod] = self._read(address)
            except OSError as error:
                problems.append(type(error).__name__)
            except ValueError as error:
                problems.append(str(error))
        self._versions[version].take(readings, pods)
        self._say(version, f"not every pod was read ({problems[0]})" if problems else "")

    def _read(self, address: str) -> PodCounts:
        answer = self._session.get(URL.format(address=address), most_bytes=_MOST_BYTES)
        if not answer.ok:
            raise ValueError(f"status {answer.status}")
        return PodCounts.from_json(json.loads(answer.body))
