"""Takes notifications of Alertmanager, and begins the pipeline runs that they ask for.

What was decided is on record with the version in MLflow, so that a controller that starts again knows it.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

import requests

from delivery.retraining.alerts import DriftAlert, firing
from delivery.retraining.decisions import Decision, decide
from delivery.retraining.limits import RetrainingLimits
from delivery.retraining.model_records import RecordStore
from workloads.errors import WorkloadsError
from workloads.pipelines.run_requests import read_golden, run_body
from workloads.retraining.records import Attempt

_LOGGER = logging.getLogger("delivery")
PIPELINE: Final = "retrain"
_SECONDS: Final = 10


class Receiver:
    """Decides about the models of every namespace, one notification at a time."""

    def __init__(
        self,
        tracking: Mapping[str, str],
        limits: RetrainingLimits,
        labelled_rows: Callable[[str, str], int],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin without having heard anything.

        Args:
            tracking: Namespace of models -> URL of the MLflow that has them.
            limits: What the stack allows.
            labelled_rows: Namespace and model -> how many rows have a label; an OSError while
                nobody can count: a run without labels would fail, and the next wait for the cool-down.
            clock: The time, in UTC.
        """
        self._records = {namespace: RecordStore(url) for namespace, url in tracking.items()}
        self._limits = limits
        self._labelled_rows = labelled_rows
        self._clock = clock
        self._lock = threading.Lock()
        self._session = requests.Session()
        self._session.trust_env = False

    def receive(self, body: bytes) -> tuple[int, str]:
        """Act on a notification.

        Returns:
            HTTP status and one line: 503 for what Alertmanager is to send again.
        """
        try:
            alerts = [each for each in firing(body) if each.namespace in self._limits.pipelines]
        except ValueError as error:
            return 400, str(error)

        def model(each: DriftAlert) -> tuple[str, str]:
            return each.namespace, each.model_name

        said: list[str] = []
        failed = False
        with self._lock:
            for (namespace, model_name), found in groupby(sorted(alerts, key=model), model):
                try:
                    said.append(f"{model_name}: {self._answer(namespace, model_name, [*found])}")
                except (requests.RequestException, OSError, KeyError, ValueError) as error:
                    failed = True
                    said.append(f"{model_name}: not decided ({type(error).__name__}: {error})")
        for each in said:
            _LOGGER.info("retraining of %s", each)
        return (503 if failed else 200), "; ".join(said) or "no model has drifted"

    def _answer(self, namespace: str, model_name: str, alerts: Sequence[DriftAlert]) -> str:
        store = self._records[namespace]
        records = store.read(model_name)
        now = self._clock()
        decision = decide(
            now,
            alerts,
            records.past,
            records.champion,
            self._limits,
            lambda: self._labelled_rows(namespace, model_name),
        )
        attempt = Attempt(
            at=now.isoformat(timespec="seconds"),
            reason=decision.reason,
            alerts=tuple(each.identity for each in decision.alerts),
            because=decision.because,
        )
        if not decision.begins:
            if not decision.is_known:
                store.write(model_name, records.champion, attempt)
            return f"none begins: {decision.because}"
        try:
            inputs = store.inputs(model_name, records)
        except WorkloadsError as error:
            store.write(model_name, records.champion, replace(attempt, because=str(error)))
            return f"none begins: {error}"
        # First the record: without it a notification that is repeated would begin another run.
        store.write(model_name, records.champion, attempt)
        try:
            run_id = self._begin(namespace, inputs, decision)
        except requests.RequestException:
            store.remove(model_name, records.champion, attempt)
            raise
        store.write(model_name, records.champion, replace(attempt, run_id=run_id))
        return f"pipeline run {run_id} begins: {decision.reason}"

    def _begin(self, namespace: str, inputs: Mapping[str, Any], decision: Decision) -> str:
        spec, platform = read_golden(PIPELINE, self._limits.image)
        arguments = {
            **inputs,
            "minimum_rows": self._limits.minimum_labelled_rows,
            "reason": decision.reason,
        }
        url = f"{self._limits.pipelines[namespace]}/apis/v2beta1/runs"
        body = run_body(PIPELINE, spec, platform, arguments)
        answer = self._session.post(url, json=body, timeout=_SECONDS)
        answer.raise_for_status()
        return str(answer.json()["run_id"])
