"""`python -m workloads rollout MODEL WHAT`: serve another version of a model, and see how far it is."""

import argparse
import re
import sys
from typing import Any, Final

from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}")
_OPTIONS: Final = {
    "shadow_rows": "shadowRows",
    "minimum_agreement": "minimumAgreement",
    "max_error_ratio": "maxErrorRatio",
    "deadline_seconds": "deadlineSeconds",
    "bake_seconds": "bakeSeconds",
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
    command.add_argument("--detach", action="store_true", help="do not wait for the end")


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
    record = registered_version(endpoints, model_name, version)
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
    if rollout_phase(ended) is Phase.ROLLED_BACK:
        raise WorkloadsError(f"rollout {name}: {rollout_reason(ended)}")
    return 0


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
    for each in status.get("counts", []):
        print(
            f"  at {each['weight']:>2} %: {each['canaryFailed']} of {each['canary']} failed, "
            f"{each['stableFailed']} of {each['stable']} of version {status['stableVersion']}"
        )
