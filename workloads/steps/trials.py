"""Trials of a search: parameters that a sampler of Optuna proposes, each cross-validated.

Embedded in the step that searches, with the modules that it imports from here.
"""

# numpy, optuna and scikit-learn ship no complete types.
# pyright: basic, reportPrivateImportUsage=false

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workloads.steps.choices import ERRORS
from workloads.steps.csv_table import Survey, Table
from workloads.steps.estimators import estimator_for
from workloads.steps.scores import of_classifier, of_regression
from workloads.steps.search_spaces import Bounds

MOST_FOLDS = 5
_UNJUDGED = 4
"""Trials that end by themselves before any is compared with the others."""


@dataclass(frozen=True)
class Trial:
    """One set of parameters, and how well a model with them predicts rows that it was not fitted on."""

    number: int
    parameters: Mapping[str, float]
    metrics: Mapping[str, float]
    """Means over the folds."""
    folds: tuple[float, ...]
    """The objective in each fold; a pruned trial has fewer."""
    state: str
    """complete, pruned or failed."""
    reason: str
    """Why it failed."""
    began_ms: int
    ended_ms: int


def count_folds(found: Survey, labels: Any) -> int:
    """Return in how many folds the rows can be predicted, with each class in each."""
    rarest = len(labels) if found.task == "regression" else min(Counter(labels.tolist()).values())
    return min(MOST_FOLDS, rarest)


def fold_metrics(
    found: Survey, table: Table, fitted: Any, family: str, seed: int, parameters: Mapping[str, float]
) -> Iterator[dict[str, float]]:
    """Yield the metrics of each fold, of a model that is fitted on the others.

    Args:
        found: What is known of the table.
        table: Its values.
        fitted: Places of the rows that may be used; no other row is looked at.
        family: Family of models.
        seed: Selects the folds, and whatever else the model draws.
        parameters: Parameters of the family.
    """
    import numpy as np
    from sklearn.model_selection import KFold, StratifiedKFold

    is_regression = found.task == "regression"
    labels = table.labels[fitted]
    kind = KFold if is_regression else StratifiedKFold
    folds = kind(n_splits=count_folds(found, labels), shuffle=True, random_state=seed)
    for others, fold in folds.split(np.zeros(len(fitted)), labels):
        model = estimator_for(found, 1.0, family, seed, parameters)
        # One that has not converged is judged as it is.
        with warnings.catch_warnings(action="ignore"):
            model.fit(_rows(found, table, fitted[others]), labels[others])
            rows = _rows(found, table, fitted[fold])
            if is_regression:
                metrics = of_regression(labels[fold], model.predict(rows))
            else:
                metrics = of_classifier(labels[fold], model.classes_.tolist(), model.predict_proba(rows))
        yield metrics


def _rows(found: Survey, table: Table, places: Any) -> Any:
    return table.features[places] if found.is_matrix else table.features.iloc[places]


def run_trials(
    space: Mapping[str, Bounds],
    metrics_of: Callable[[Mapping[str, float]], Iterator[dict[str, float]]],
    objective: str,
    *,
    sampler: str,
    count: int,
    seed: int,
    early_stopping: bool,
    record: Callable[[Trial], None],
) -> list[Trial]:
    """Run all trials, one after another; equal inputs give equal trials.

    Args:
        space: Bounds of each parameter; one whose bounds are equal is not searched.
        metrics_of: Yields the metrics of each fold for parameters.
        objective: The metric to improve.
        sampler: One of `SAMPLERS`.
        count: How many trials.
        seed: Of the sampler.
        early_stopping: Whether a trial ends after two folds or more that are worse than half of the others'.
        record: Called with each trial when it has ended.
    """
    import optuna

    # What fails is a trial's state; Optuna would print its traceback.
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    samplers: dict[str, Any] = {
        "random": optuna.samplers.RandomSampler,
        "tpe": optuna.samplers.TPESampler,
        "cmaes": optuna.samplers.CmaEsSampler,
    }
    study = optuna.create_study(
        sampler=samplers[sampler](seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_UNJUDGED, n_warmup_steps=1)
        if early_stopping
        else optuna.pruners.NopPruner(),
        direction="minimize" if objective in ERRORS else "maximize",
    )
    ended: list[Trial] = []

    def attempt(trial: optuna.Trial) -> float:
        parameters = {name: _proposed(trial, name, bounds) for name, bounds in space.items()}
        trial.set_user_attr("parameters", parameters)
        seen: list[dict[str, float]] = []
        try:
            for at, metrics in enumerate(metrics_of(parameters)):
                seen.append(metrics)
                trial.set_user_attr("seen", list(seen))
                mean = means(seen)[objective]
                trial.report(mean, at)
                if trial.should_prune():
                    raise optuna.TrialPruned
        except optuna.TrialPruned:
            raise
        except Exception as error:
            why = (str(error).strip().splitlines() or [""])[0][:300]
            trial.set_user_attr("reason", f"{type(error).__name__}: {why}")
            raise
        return means(seen)[objective]

    def note(_: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        ended.append(_ended(trial, objective))
        record(ended[-1])

    study.optimize(attempt, n_trials=count, callbacks=[note], catch=(Exception,))
    return ended


def _proposed(trial: Any, name: str, bounds: Bounds) -> float:
    if bounds.low == bounds.high:
        return bounds.low
    if bounds.whole:
        return trial.suggest_int(name, int(bounds.low), int(bounds.high), log=bounds.log)
    return trial.suggest_float(name, bounds.low, bounds.high, log=bounds.log)


def means(seen: list[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each metric over the folds; nothing before the first."""
    return {name: sum(each[name] for each in seen) / len(seen) for name in seen[0]} if seen else {}


def _ended(trial: Any, objective: str) -> Trial:
    seen = trial.user_attrs.get("seen", [])
    states = {"COMPLETE": "complete", "PRUNED": "pruned"}
    state = states.get(trial.state.name, "failed")
    reason = trial.user_attrs.get("reason", f"{objective} is not a number") if state == "failed" else ""
    return Trial(
        number=trial.number,
        parameters=trial.user_attrs["parameters"],
        metrics=means(seen),
        folds=tuple(each[objective] for each in seen),
        state=state,
        reason=reason,
        began_ms=round(trial.datetime_start.timestamp() * 1000),
        ended_ms=round(trial.datetime_complete.timestamp() * 1000),
    )


def best_of(trials: list[Trial], objective: str) -> Trial:
    """Return the complete trial with the best mean; of equal ones, the first.

    Raises:
        ValueError: none is complete; one line.
    """
    complete = [each for each in trials if each.state == "complete"]
    if not complete:
        reasons = [each.reason for each in trials if each.reason]
        raise ValueError(f"search: none of {len(trials)} trials is complete; the first failed: {reasons[0]}")
    sign = 1 if objective in ERRORS else -1
    return min(complete, key=lambda each: (sign * each.metrics[objective], each.number))


def summary_of(trials: list[Trial], best: Trial, objective: str) -> str:
    """Return a search in one line for people."""
    counts = Counter(each.state for each in trials)
    others = ", ".join(f"{counts[state]} {state}" for state in ("pruned", "failed") if counts[state])
    found = ", ".join(f"{name} {value:.6g}" for name, value in best.parameters.items())
    return (
        f"trial {best.number} of {len(trials)}{f' ({others})' if others else ''}: "
        f"{objective} {best.metrics[objective]:.4f} in {len(best.folds)} folds with {found}"
    )
