"""`python -m workloads rollout MODEL WHAT`: serve another version of a model, and see how far it is."""

import argparse
import re
import sys
from typing import Any, Final

from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.experiment_request import Experiment, Metric, OnNoDifference, needed

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}")
_OPTIONS: Final = {
    "shadow_rows": "shadowRows",
    "minimum_agreement": "minimumAgreement",
    "max_error_ratio": "maxErrorRatio",
    "deadline_seconds": "deadlineSeconds",
    "bake_seconds": "bakeSeconds",
}
_OF_EXPERIMENT: Final = {
    "minimum_effect": "minimumEffect",
    "share": "share",
    "max_seconds": "maxSeconds",
    "on_no_difference": "onNoDifference",
}
WORDS: Final = ("status", "abort", "approve")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    command.add_argument("model", metavar="MODEL", help="registered model")
    command.add_argument(
        "what",
        metavar="WHAT",
        help=f"number of the version that shall serve, or of the rollout under way: {', '.join(WORDS)}",
    )
    add_options(command)


def add_options(command: argparse.ArgumentParser) -> None:
    """Declare what a user may choose of a rollout; what is left out is the stack's."""
    command.add_argument(
        "--steps",
        metavar="WEIGHT:SECONDS,...",
        help="shares of the requests in percent, and the least time of each, such as 5:10,25:10,50:10; "
        "'none' for all requests at once (default: those of the stack)",
    )
    command.add_argument("--reason", default="", help="why, for the record")
    command.add_argument(
        "--shadow-rows", type=int, help="recorded rows that it answers for nobody first; 0 for none"
    )
    command.add_argument(
        "--minimum-agreement",
        type=float,
        help="share of them that it must answer as the version does that serves",
    )
    command.add_argument(
        "--max-error-ratio", type=float, help="share of failed requests that is too much for any version"
    )
    command.add_argument(
        "--deadline-seconds", type=int, help="without a verdict by then the version is rolled back"
    )
    command.add_argument(
        "--bake-seconds", type=int, help="time for which the version before it runs on, for a way back"
    )
    add_experiment(command)
    command.add_argument("--detach", action="store_true", help="do not wait for the end")


def add_experiment(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of an experiment."""
    command.add_argument(
        "--experiment",
        metavar="METRIC",
        choices=[each.value for each in Metric],
        help="compare it with the version that serves by labels that callers upload, and promote it only "
        f"if it is better: {', '.join(Metric)}",
    )
    command.add_argument(
        "--minimum-effect", type=float, help="smallest difference that matters, such as 0.02 of an accuracy"
    )
    command.add_argument(
        "--share",
        type=int,
        help=f"percent of the requests that it gets meanwhile (default: {Experiment.share})",
    )
    command.add_argument(
        "--max-seconds",
        type=int,
        help=f"time after which an experiment ends without a verdict (default: {Experiment.max_seconds})",
    )
    command.add_argument(
        "--on-no-difference",
        choices=[each.value for each in OnNoDifference],
        help="which version serves if it finds none: keep the one that does (default), or promote",
    )


def parse_experiment(options: argparse.Namespace) -> Experiment | None:
    """Return the experiment that a user asks for; None without one.

    Raises:
        WorkloadsError: it lacks something, or makes no sense; one line.
    """
    given = {
        field: value for key, field in _OF_EXPERIMENT.items() if (value := getattr(options, key)) is not None
    }
    if options.experiment is None:
        if given:
            raise WorkloadsError(
                f"{next(iter(given))}: is of an experiment; give --experiment METRIC as well"
            )
        return None
    if "minimumEffect" not in given:
        raise WorkloadsError(
            "experiment: no minimumEffect; give --minimum-effect, the smallest difference that matters"
        )
    asked = Experiment.from_json({"metric": options.experiment, **given})
    if problem := asked.problem():
        raise WorkloadsError(problem)
    return asked


def parse_steps(text: str | None) -> list[dict[str, int]] | None:
    """Return the steps that a user gave.

    Raises:
        WorkloadsError: it is no list of shares and seconds.
    """
    if text is None:
        return None
    if text == "none":
        return []
    steps: list[dict[str, int]] = []
    for each in text.split(","):
        found = re.fullmatch(r"(\d{1,2}):(\d{1,5})", each.strip())
        if not found or int(found[1]) == 0:
            raise WorkloadsError(
                f"steps: {each!r} is no share and time: give WEIGHT:SECONDS with a weight of 1 to 99, "
                "such as 5:10,25:10,50:10, or none"
            )
        steps.append({"weight": int(found[1]), "seconds": int(found[2])})
    weights = [each["weight"] for each in steps]
    if weights != sorted(set(weights)):
        raise WorkloadsError(
            f"steps: weights {weights} are out of order: each is a larger share than the one before"
        )
    return steps


def run(endpoints: Endpoints, options: argparse.Namespace) -> int:
    """Carry out the command and return the exit code.

    Raises:
        WorkloadsError: the rollout was refused, or ended otherwise than it should.
    """
    from workloads import model_names
    from workloads.serving.model_rollouts import ModelRollouts

    model_name = model_names.checked(options.model)
    if options.what not in WORDS:
        version = checked_version(options.what, *WORDS)
        return roll_out(endpoints, model_name, version, options, reason=options.reason or "by hand")
    rollouts = ModelRollouts(endpoints)
    current = rollouts.current(model_name)
    name = current["metadata"]["name"]
    if options.what == "abort":
        rollouts.abort(name)
    elif options.what == "approve":
        rollouts.approve(name)
    _print(current if options.what == "status" else rollouts.get(name))
    return 0


def checked_version(text: str, *words: str) -> str:
    """Return the number of a version that a user gave.

    Args:
        text: What was given.
        words: What else could have been given.

    Raises:
        WorkloadsError: it is no number.
    """
    if not _NUMBER.fullmatch(text):
        others = f", nor one of {', '.join(words)}" if words else ""
        raise WorkloadsError(f"{text!r}: is not the number of a version{others}")
    return text


def roll_out(
    endpoints: Endpoints, model_name: str, version: str, options: argparse.Namespace, *, reason: str
) -> int:
    """Ask for a rollout, wait until it ends or waits for approval, and return the exit code.

    Args:
        endpoints: The platform.
        model_name: The registered model.
        version: Its version that shall serve.
        options: Those of `add_options`, and `timeout_seconds`.
        reason: Why, for the record.

    Raises:
        WorkloadsError: the rollout was refused, rolled back, or not decided in time.
    """
    from workloads.serving.deployment import deploy_version, registered_version
    from workloads.serving.model_rollout import ENDED, Phase, rollout_phase, rollout_reason
    from workloads.serving.model_rollouts import ModelRollouts

    rollouts = ModelRollouts(endpoints)
    steps = parse_steps(options.steps)
    chosen = {field: value for key, field in _OPTIONS.items() if (value := getattr(options, key)) is not None}
    if (asked := parse_experiment(options)) is not None:
        chosen["experiment"] = asked.to_json()
    record = registered_version(endpoints, model_name, version)
    if asked is not None:
        print(f"experiment: {_needed(endpoints, model_name, asked)}", flush=True)
    # Before its pod: a version that is in no rollout is taken away after one that has ended.
    name = rollouts.create(
        model_name, version, record.model_digest, reason=reason, steps=steps, options=chosen
    )
    try:
        deploy_version(endpoints, model_name, version)
    except Exception:
        # Nobody else makes its pod: until its deadline it would be in the way of the model's next rollout.
        rollouts.abort(name)
        raise
    print(f"rollout {name}", flush=True)
    if options.detach:
        return 0
    ended = rollouts.wait(name, [*ENDED, Phase.PAUSED], timeout_seconds=options.timeout_seconds, show=_show)
    if rollout_phase(ended) is Phase.ROLLED_BACK and not _has_no_difference(ended):
        raise WorkloadsError(f"rollout {name}: {rollout_reason(ended)}")
    return 0


def _needed(endpoints: Endpoints, model_name: str, asked: Experiment) -> str:
    """Return in one line how many labelled rows an experiment takes.

    Raises:
        WorkloadsError: no version serves to compare with.
    """
    from workloads.tracking import connect

    mlflow = connect(endpoints)
    registered = mlflow.get_registered_model(model_name)
    champion = str(registered.aliases.get("champion", ""))
    if not champion:
        raise WorkloadsError(
            f"experiment: no version of {model_name} serves to compare with; roll out without --experiment"
        )
    found = mlflow.get_model_version(model_name, champion)
    run_id = found.tags.get("gate.run_id") or found.run_id
    figures: dict[str, float] = dict(mlflow.get_run(run_id).data.metrics) if run_id else {}
    return needed(asked, figures, champion)


def _has_no_difference(rollout: dict[str, Any]) -> bool:
    """Return whether a rollout did what was asked: its version is no better, and so the other one stays."""
    return rollout["status"].get("experiment", {}).get("verdict") in ("no difference", "none")


def _show(line: str) -> None:
    sys.stdout.write(f"  {line}\n")
    sys.stdout.flush()


def _print(rollout: dict[str, Any]) -> None:
    from workloads.serving.model_rollouts import summary

    spec, status = rollout["spec"], rollout.get("status", {})
    print(f"rollout    {rollout['metadata']['name']}")
    print(f"model      {spec['modelName']} version {spec['version']}, {spec['reason']}")
    print(f"asked by   {spec.get('requestedBy', 'unknown')}")
    print(f"state      {summary(rollout)}")
    for each in status.get("conditions", []):
        print(f"  {each['type']}: {each['reason']}: {each['message']}")
    experiment = status.get("experiment", {})
    for key, what in (("needed", "experiment needs"), ("says", "experiment says")):
        if experiment.get(key):
            print(f"  {what}: {experiment[key]}")
    for each in status.get("counts", []):
        print(
            f"  at {each['weight']:>2} %: {each['canaryFailed']} of {each['canary']} failed, "
            f"{each['stableFailed']} of {each['stable']} of version {status['stableVersion']}"
        )
