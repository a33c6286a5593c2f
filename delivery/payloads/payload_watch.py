"""The round that pulls what predictors have recorded, and stores it, apart from that of rollouts."""

import gzip
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from delivery.direct import DirectSession
from delivery.payloads import exposition
from delivery.payloads.recent import Batch, Recent
from delivery.payloads.store import FAILURES, PayloadStore, first_kept
from delivery.rollouts.cluster import Cluster
from delivery.rounds import Rounds
from delivery.version import Version
from workloads.contract import MODEL_LABEL
from workloads.serving import payload_objects
from workloads.serving.inference_service import version_service

_LOGGER = logging.getLogger("delivery")
URL: Final = "http://{address}:8081/payloads?after={after}&limit={limit}"
_EXPIRY_SECONDS: Final = 3600.0
_MOST_BYTES: Final = 8 * 1024 * 1024
_MOST_REQUESTS: Final = 1000
"""Of one answer; the predictor's own limit."""
_MOST_BATCHES: Final = 5
"""Of one pod in one round."""
_NEXT: Final = re.compile(r"([0-9a-f]{1,32})-([0-9]{1,18})")


@dataclass
class _Pod:
    """How far a pod was read."""

    after: str = ""
    """What of it is stored, in the predictor's words."""
    limit: int = _MOST_REQUESTS
    process: str = ""
    dropped: int = 0
    """As its process said last."""


@dataclass
class Totals:
    """Counts since the controller began."""

    stored: Counter[Version] = field(default_factory=Counter[Version])
    """Requests."""
    dropped: Counter[Version] = field(default_factory=Counter[Version])
    """Requests that predictors had no room for."""
    failures: int = 0
    """Batches that could not be stored, and are pulled again."""


class PayloadWatch(Rounds):
    """Pulls from every pod of every version that is deployed."""

    name = "payloads"
    subject = "payloads"
    interval = 5.0

    def __init__(
        self,
        namespaces: Sequence[str],
        cluster: Cluster,
        store: PayloadStore,
        keep_days: int | None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin without having seen anything.

        Args:
            namespaces: Namespaces of models.
            cluster: The objects.
            store: Where to.
            keep_days: Days after which to delete; None to delete nothing.
            clock: The time, in UTC.
        """
        super().__init__()
        self._namespaces = namespaces
        self._cluster = cluster
        self._store = store
        self._keep_days = keep_days
        self._clock = clock
        self._session = DirectSession()
        self._pods: dict[str, _Pod] = {}
        self._expired = -_EXPIRY_SECONDS
        self._totals = Totals()
        self.recent = Recent()
        """What was pulled last, for replays."""
        self.text = exposition.text(self._totals.stored, self._totals.dropped, 0)

    def round(self) -> None:
        """Pull from every pod once, and look after what is stored."""
        versions: set[Version] = set()
        pods: set[str] = set()
        is_complete = True
        for namespace in self._namespaces:
            try:
                for version in self._versions(namespace):
                    versions.add(version)
                    pods.update(self._pull_version(version))
            except Exception as error:
                # One namespace is not to keep the others from being read.
                is_complete = False
                self._say(namespace, f"not read ({type(error).__name__})")
        if is_complete:
            # Otherwise nobody has said that what was not seen is gone.
            self._pods = {each: pod for each, pod in self._pods.items() if each in pods}
            self.recent.forget_others(versions)
        for version, lines in self.recent.wanted().items():
            self._load(version, lines)
        if self._keep_days is not None and time.monotonic() - self._expired >= _EXPIRY_SECONDS:
            self._expired = time.monotonic()
            self._expire(self._keep_days)
        totals = self._totals
        self.text = exposition.text(totals.stored, totals.dropped, totals.failures)

    def _versions(self, namespace: str) -> list[Version]:
        found: list[Version] = []
        for name, service in sorted(self._cluster.versions(namespace).items()):
            model_name = service["metadata"]["labels"].get(MODEL_LABEL, "")
            number = name.removeprefix(version_service(model_name, ""))
            if version_service(model_name, number) == name:
                found.append(Version(namespace=namespace, model_name=model_name, number=number))
        return found

    def _pull_version(self, version: Version) -> Sequence[str]:
        pods = self._cluster.pods_of(version)
        problem = ""
        for uid, address in pods.items():
            pod = self._pods.setdefault(uid, _Pod())
            try:
                for _ in range(_MOST_BATCHES):
                    if self._pull(version, pod, address) < pod.limit:
                        break
            except (*FAILURES, ValueError) as error:
                # Requests that were not stored stay in the pod, as long as it has room.
                problem = f"not pulled or not stored ({type(error).__name__}: {error})"
        self._say(version, problem)
        return tuple(pods)

    def _pull(self, version: Version, pod: _Pod, address: str) -> int:
        """Pull and store one batch; return its number of requests."""
        url = URL.format(address=address, after=pod.after, limit=pod.limit)
        try:
            answer = self._session.get(url, most_bytes=_MOST_BYTES)
        except ValueError:
            # Fewer the next time: this pod's requests are large.
            pod.limit = max(1, pod.limit // 8)
            raise
        if not answer.ok:
            raise ValueError(f"HTTP {answer.status}")
        following = answer.headers.get("x-payloads-next", "")
        parts = _NEXT.fullmatch(following)
        if parts is None:
            raise ValueError("not the payloads of a predictor")
        process, sequence = parts[1], int(parts[2])
        self._count_dropped(version, pod, process, answer.headers.get("x-payloads-dropped-requests", ""))
        lines = answer.body.count(b"\n")
        if lines:
            content = gzip.compress(answer.body, compresslevel=3)
            self.recent.add(version, Batch(name=f"{process}:{pod.after}", content=content, lines=lines))
            key = payload_objects.key(
                version.namespace, version.model_name, version.number, self._clock(), process, sequence
            )
            try:
                self._store.put(key, content)
            except FAILURES:
                self._totals.failures += 1
                raise
            self._totals.stored[version] += lines
        pod.after = following
        pod.limit = min(_MOST_REQUESTS, pod.limit * 2)
        return lines

    def _count_dropped(self, version: Version, pod: _Pod, process: str, text: str) -> None:
        dropped = int(text) if text.isascii() and text.isdigit() else 0
        # What a process dropped before it was first read is not known to be of this controller's time.
        if process == pod.process:
            self._totals.dropped[version] += max(0, dropped - pod.dropped)
        pod.process, pod.dropped = process, dropped

    def _load(self, version: Version, lines: int) -> None:
        try:
            self.recent.load(version, self._store.newest(version, lines))
        except (*FAILURES, EOFError, ValueError) as error:
            # Whoever waits for them goes on without.
            self.recent.load(version, [])
            self._say(f"{version}, stored", f"not read ({type(error).__name__}: {error})")

    def _expire(self, keep_days: int) -> None:
        try:
            count = self._store.delete_before(first_kept(self._clock().date(), keep_days))
        except FAILURES as error:
            self._say("expiry", f"old ones were not deleted ({type(error).__name__}: {error})")
            return
        if count:
            _LOGGER.info("payloads: %d objects older than %d days were deleted", count, keep_days)
