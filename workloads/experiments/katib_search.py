"""The search of a step by an experiment of Katib, and what its trials have left in MLflow.

Embedded in the step that searches, with the modules that it imports from here.
"""

# mlflow ships no complete types.
# pyright: basic, reportPrivateImportUsage=false

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workloads.experiments.engines import own_namespace
from workloads.experiments.experiment import (
    MOST_TRIAL_SECONDS,
    experiment_of,
    own_pod,
    run_experiment,
    trial_job,
)
from workloads.experiments.trial_runs import trial_runs_of, trials_of
from workloads.steps.search_spaces import Bounds
from workloads.steps.trials import Trial

_FOLDER = "search"
_CALL = "\nrun_trial(*sys.argv[2:])\n"


@dataclass(frozen=True, kw_only=True)
class KatibSearch:
    """A search, and the run of MLflow whose children its trials are."""

    client: Any
    """Client of MLflow."""
    run: Any
    """Run of the search."""
    tags: Mapping[str, str]
    """Tags of the runs of trials."""
    store: str
    """Host and port of Katib's store of metrics."""
    label: str
    """Label by which network policies know a trial."""
    source: str
    """Source of the modules that are embedded in the step."""

    def trials(
        self,
        data: Path,
        space: Mapping[str, Bounds],
        *,
        objective: str,
        sampler: str,
        count: int,
        settings: Mapping[str, Any],
    ) -> tuple[list[Trial], dict[int, str]]:
        """Run all trials, one after another; return them, and the ids of their runs by number.

        Args:
            data: The file that trials read; they get it by MLflow, as they have no key of the object store.
            space: Bounds of each parameter.
            objective: The metric to improve.
            sampler: One of `SAMPLERS`.
            count: How many trials.
            settings: family, seed, space, target and task of the search, as its user gives them.

        Raises:
            ValueError: the experiment has failed; one line with the trial's own reason.
            RuntimeError: it does not go on, or is gone.
        """
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        info = self.run.info
        common = {
            **settings,
            "objective": objective,
            "experiment_id": info.experiment_id,
            "parent": info.run_id,
            "artifact": f"{_FOLDER}/{data.name}",
            "store": self.store,
            "tags": dict(self.tags),
        }
        namespace = own_namespace()
        step = own_pod(namespace)
        body = experiment_of(
            # Part of each trial's name, by which the store of metrics knows it: nobody can guess it.
            f"search-{info.run_id}",
            step,
            trial_job(step, self.source + _CALL, common, space, self.label),
            space,
            objective=objective,
            sampler=sampler,
            trials=count,
            seed=settings["seed"],
        )
        self.client.log_artifact(info.run_id, str(data), _FOLDER)
        try:
            why = run_experiment(body, namespace)
        finally:
            # The pipeline keeps the data; this copy was for the trials.
            get_artifact_repository(info.artifact_uri).delete_artifacts(_FOLDER)
        runs = [self._ended(run) for run in trial_runs_of(self.client, info.experiment_id, info.run_id)]
        if why:
            raise ValueError(self._reason(runs, why))
        ended = trials_of(self.client, runs, space, objective)
        return ended, {trial.number: run.info.run_id for trial, run in zip(ended, runs, strict=True)}

    def _ended(self, run: Any) -> Any:
        """Return the run of a trial, ended with a reason if its pod could not do so itself."""
        if run.info.status != "RUNNING":
            return run
        reason = f"its pod ended without a word: out of memory, or after more than {MOST_TRIAL_SECONDS} s"
        self.client.set_tag(run.info.run_id, "trial.state", "failed")
        self.client.set_tag(run.info.run_id, "trial.reason", reason)
        self.client.set_terminated(run.info.run_id, "FAILED", round(time.time() * 1000))
        return self.client.get_run(run.info.run_id)

    @staticmethod
    def _reason(runs: list[Any], why: str) -> str:
        for run in runs:
            if reason := run.data.tags.get("trial.reason"):
                return f"search: trial {run.data.tags['trial.number']} failed: {reason}"
        return f"search: no trial has said why; Katib says: {why}"
