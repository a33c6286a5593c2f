"""Commands that change a stack: each runs the engine, after a look at what the cluster really has."""

import argparse
import sys
import time
from collections import Counter
from typing import Any

from cluster.errors import ClusterError
from infra import drift, leaving_teams, restarts, teardown
from infra.engine import events
from infra.engine.engine import Engine
from infra.errors import InfraError, StackInUseError
from infra.installation import Installation
from infra.parts import PARTS, SECRETS, SECRETS_NAME
from infra.parts.plan import plan
from infra.settings.stack import PROJECT

_CLEAR_LINE = "\r\x1b[K"
_TERMINAL_COLUMNS = 79
_LINES_SHOWN = 10
_ERRORS_SHOWN = 3
_KINDS_SHOWN = 3
# Of the three minutes in which `make down` must end, however damaged the platform is.
_DESTROY_SECONDS = 90.0
STOPPED = 124
"""Exit code of a run that was stopped because its time was over, as of `timeout`."""


def run_engine(engine: Engine, command: str, *arguments: str, seconds: float | None = None) -> int:
    """Run Pulumi, printing a line per finished component; end with a summary or the errors.

    After `seconds` it is stopped. What it says from then on only follows from that, and is not printed.
    """
    progress = events.Progress()
    seen: list[dict[str, Any]] = []
    begun = time.monotonic()

    def is_over() -> bool:
        return seconds is not None and time.monotonic() - begun >= seconds

    # Only a terminal gets a status line; in a file each update would be one more line.
    live = sys.stdout.isatty()

    def show(event: dict[str, Any]) -> None:
        seen.append(event)
        if is_over():
            return
        for line in progress.lines(event):
            print(f"{_CLEAR_LINE if live else ''}{line}", flush=True)
        if live:
            print(f"{_CLEAR_LINE}{progress.status()[:_TERMINAL_COLUMNS]}", end="", flush=True)

    code = engine.run(command, *arguments, on_event=show, seconds=seconds)
    if live:
        print(_CLEAR_LINE, end="")
    if code and is_over():
        return STOPPED
    summary = events.summarise(seen)
    print(f"{command} {engine.stack}: {summary.text()}", flush=True)
    if code == 0:
        return 0
    output = engine.output_of(command)
    problem = engine.remedy(output)
    messages = [problem] if problem else list(summary.errors) or output.strip().splitlines()[-_ERRORS_SHOWN:]
    for message in messages[:_ERRORS_SHOWN]:
        print(f"error: {message}", file=sys.stderr)
    more = f", {len(messages) - _ERRORS_SHOWN} more errors" if len(messages) > _ERRORS_SHOWN else ""
    log = engine.folder / f"{command}.log"
    print(f"error: {command} failed{more}; the full log is {log}", file=sys.stderr)
    return 1


def deploy(options: argparse.Namespace) -> int:
    """Run `up` or `preview`."""
    installation = Installation.from_options(options)
    engine = installation.connect()
    if others := engine.neighbours():
        raise InfraError(
            f"stack {options.stack}: cluster {options.name!r} has stack {others[0]} already: run "
            f"`python -m infra destroy --stack {others[0]}` first, or give another cluster with --name"
        )
    if options.command == "up":
        installation.require_images()
    engine.prepare()
    leaving_teams.require_none(options.stack, installation.settings, engine.resources())
    arguments = ["--expect-no-changes"] if options.expect_no_changes else []
    if _differs(installation, engine):
        arguments.append("--refresh")
    code = run_engine(engine, options.command, *arguments)
    if code == 0 and options.command == "up":
        engine.forget_secrets()
        _restart_readers(installation, engine)
    return code


def _differs(installation: Installation, engine: Engine) -> bool:
    """Say what was deleted or changed since the last update; return whether the state must be refreshed.

    The objects of a cluster that the stack created are behind its own access: there the engine looks itself.
    """
    if installation.kubeconfig is None:
        return engine.exists()
    try:
        lines = drift.find(installation.kubectl(), engine.resources())
    except ClusterError as error:
        print(f"  reading every object, because they could not be listed ({error})", flush=True)
        return True
    for line in lines[:_LINES_SHOWN]:
        print(f"  since the last update: {line}", flush=True)
    if len(lines) > _LINES_SHOWN:
        print(f"  and {len(lines) - _LINES_SHOWN} more", flush=True)
    return bool(lines)


def destroy(options: argparse.Namespace) -> int:
    """Run `destroy`; with `--with-cluster`, leave what is not deleted in time to the cluster's removal."""
    installation = Installation.from_options(options)
    with_cluster: bool = options.with_cluster and installation.on_this_machine
    engine = installation.engine
    if not with_cluster and not engine.exists():
        print(f"destroy {options.stack}: nothing is installed")
        return 0
    if installation.on_this_machine and not installation.instance.endpoints_file.exists():
        # Objects of a stopped cluster are in its data folder, which `cluster down` deletes.
        print(f"destroy {options.stack}: cluster {options.name!r} is not up; its objects go with it")
        return 0
    try:
        code = _delete_objects(installation, seconds=_DESTROY_SECONDS if with_cluster else None)
    except StackInUseError:
        raise
    except (InfraError, ClusterError) as error:
        if not with_cluster:
            raise
        print(f"  {error}")
        code = 1
    if code and with_cluster:
        left = _left(engine) if code == STOPPED else "what is left"
        print(f"destroy {options.stack}: {left} goes with cluster {options.name!r}")
        return 0
    return code


def _left(engine: Engine) -> str:
    """Say what a deletion that was stopped has not deleted."""
    types: list[str] = [each["type"] for each in engine.resources()]
    kinds = Counter(each.rpartition(":")[2] for each in types if each.startswith("kubernetes:"))
    some = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(_KINDS_SHOWN))
    return f"stopped after {_DESTROY_SECONDS:.0f} s: what is left ({kinds.total()} objects: {some}, ...)"


def _delete_objects(installation: Installation, *, seconds: float | None) -> int:
    if not installation.engine.exists():
        return 0
    engine = installation.connect()
    engine.prepare()
    if installation.kubeconfig is None or installation.settings.protect:
        # On AWS finalizers stand for things that cost money. Protected data is not deleted at all.
        return run_engine(engine, "destroy", seconds=seconds)
    kubectl, resources = installation.kubectl(), engine.resources()
    teardown.open_way(kubectl, resources)
    with teardown.helped(kubectl, resources) as released:
        code = run_engine(engine, "destroy", seconds=seconds)
    for name in released:
        print(f"  {name}: its controller did not answer, so it was released")
    return code


def rotate(options: argparse.Namespace) -> int:
    """Replace one secret, update everything that uses it, and restart the pods that read it."""
    installation = Installation.from_options(options)
    # All parts', and those of the stack's teams.
    names = {secret.name for secret in (*SECRETS, *plan(installation.settings, PARTS).secrets)}
    if options.secret not in names:
        raise InfraError(f"secret {options.secret}: there is none; there are: {', '.join(sorted(names))}")
    engine = installation.connect()
    engine.prepare()
    urn, resources = secret_urn(options.stack, options.secret), engine.resources()
    if urn not in {each["urn"] for each in resources}:
        raise InfraError(
            f"stack {options.stack} does not keep {options.secret} yet: "
            f"run `python -m infra up --stack {options.stack}` first"
        )
    # A value of an earlier release in the engine's stack file would be taken for the user's choice.
    engine.forget_secrets()
    engine.prepare()
    replaced = [urn, *restarts.accounts_jobs(resources)]
    code = run_engine(engine, "up", *(word for each in replaced for word in ("--replace", each)))
    if code == 0:
        _restart_readers(installation, engine)
    return code


def _restart_readers(installation: Installation, engine: Engine) -> None:
    seen = list(events.read(engine.event_log))
    changed = restarts.changed_secrets(seen)
    if not changed:
        return
    for each in restarts.readers(engine.resources(), changed, restarts.replaced_pods(seen)):
        restart, status = each.commands()
        if installation.kubeconfig is None:
            print(f"  run `kubectl {' '.join(restart)}`: it reads the secret when it starts")
            continue
        print(f"  restarting {each} in {each.namespace}", flush=True)
        kubectl = installation.kubectl()
        kubectl(*restart)
        kubectl(*status, seconds=restarts.ROLLOUT_SECONDS + 10)


def secret_urn(stack: str, name: str) -> str:
    """Return the URN of the resource that keeps a secret."""
    kept = "plinth:index:KeptSecrets$pulumi:index:Stash"
    return f"urn:pulumi:{stack}::{PROJECT}::{kept}::{SECRETS_NAME}-{name}"
