"""`python -m workloads`: run a pipeline, show or replace the model that is served, sign in."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from terminal import failures
from workloads import history, rollouts, run_options
from workloads.contract import LOGIN_USER
from workloads.embeddings import commands as embeddings
from workloads.endpoints import Endpoints
from workloads.environments import promotion
from workloads.errors import WorkloadsError
from workloads.retraining import commands as retraining
from workloads.serving import sharing

if TYPE_CHECKING:
    from workloads.lineage import HeldBack

_SHIPPED = ("wine", "breast_cancer")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = _options(arguments)
    # MLflow reports usage by default.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        if options.command == "run" and options.pipeline == "embed":
            embeddings.refuse_local(options)
        if options.command == "run" and options.pipeline == "train_distributed":
            run_options.refuse_local_nodes(options)
        trains = options.command == "run" and options.pipeline not in _RUNS
        if trains and options.local and not options.endpoints:
            return _hold(options, sys.argv[1:] if arguments is None else arguments)
        endpoints = _endpoints(options)
        if options.command == "run":
            return _RUNS.get(options.pipeline, _train)(endpoints, options)
        if options.command in _OTHERS:
            return _OTHERS[options.command](endpoints, options)
        return _show(endpoints, options, _name(options))
    except WorkloadsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        submitted = "; a pipeline run that was submitted continues" if options.command == "run" else ""
        sys.stderr.write(f"error: interrupted{submitted}\n")
        return 130


def _endpoints(options: argparse.Namespace) -> Endpoints:
    """Return the endpoints of the platform that a command is for."""
    local, stay = getattr(options, "local", False), getattr(options, "stay", False)
    if options.endpoints:
        endpoints = Endpoints.from_file(Path(options.endpoints), options.team)
    elif local:
        from workloads import local_platforms

        endpoints = local_platforms.running()
    else:
        endpoints = Endpoints.of_stack(options.stack, options.team)
    if (local or stay) and not endpoints.local_model_url:
        raise WorkloadsError("--local and --stay: are not for a platform; give --local without --endpoints")
    return endpoints


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workloads", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    pipelines = commands.add_parser("run", help="run a pipeline and show what it made").add_subparsers(
        dest="pipeline", required=True, metavar="PIPELINE"
    )
    train = pipelines.add_parser("train_register_serve", help="train a model, register it and serve it")
    tune = pipelines.add_parser("tune", help="search the parameters of a family, then train, register, serve")
    spread = pipelines.add_parser(
        "train_distributed", help="train on several nodes, then register and serve the model"
    )
    predict = pipelines.add_parser(
        "predict_batch", help="predict every row of a table with a registered model"
    )
    encode = pipelines.add_parser("embed", help="serve a published model that turns texts into vectors")
    again = pipelines.add_parser("retrain", help="train a model again on labelled requests of its callers")
    show = commands.add_parser("show", help="show the served model and one prediction")
    roll_out = commands.add_parser("rollout", help="serve another version of a model, step by step")
    rollouts.add_arguments(roll_out)
    share = commands.add_parser("share", help="serve several models from one predictor, in one process")
    sharing.add_arguments(share)
    promote = commands.add_parser("promote", help="copy a version to another platform and serve it there")
    promotion.add_arguments(promote)
    past = commands.add_parser(
        "history", help="show which version of a model served when, and why it changed"
    )
    history.add_arguments(past)
    login = commands.add_parser("login", help="sign in at the company's issuer, in a browser on any machine")
    login.add_argument("--session", action="store_true", help="only until the session in the browser ends")
    logout = commands.add_parser("logout", help="end that login")
    token = commands.add_parser("token", help="print a token for clients of a platform with a login")
    for command in (train, tune, spread):
        run_options.add_training(command)
    for command in (train, spread):
        command.add_argument(
            "--regularization", type=float, default=1.0, help="inverse regularization strength"
        )
    run_options.add_nodes(spread)
    run_options.add_search(tune)
    run_options.add_prediction(predict)
    retraining.add_arguments(again)
    embeddings.add_arguments(encode)
    for command in (train, tune, spread, show):
        command.add_argument("--data", default="wine", help="wine, breast_cancer or s3://bucket/key.csv")
        command.add_argument("--name", default="", help="name of the model (default: made of --data)")
    waiting = (train, tune, spread, predict, again, encode, roll_out, share, promote)
    for command in waiting:
        command.add_argument("--timeout-seconds", type=float, default=900, help="of the wait")
    for command in (*waiting, show, past, login, logout, token):
        command.add_argument("--stack", default="local", help="stack of the platform")
        command.add_argument("--team", default="", help="team of the stack whose pipelines to use")
        command.add_argument(
            "--endpoints", metavar="FILE", help="file with the stack's outputs (default: ask infra)"
        )
    return parser.parse_args(arguments)


def _token(endpoints: Endpoints, _: argparse.Namespace) -> int:
    """Print a token for the Authorization header of any client."""
    from workloads import tokens

    found = tokens.token(endpoints)
    if not found:
        raise WorkloadsError(_NO_LOGIN)
    print(found)
    return 0


def _login(endpoints: Endpoints, options: argparse.Namespace) -> int:
    """Let somebody sign in; later commands act in their name."""
    from workloads import logins

    _refuse_without_issuer(endpoints)
    name = logins.sign_in(endpoints, say=lambda line: print(line, flush=True), offline=not options.session)
    print(f"signed in as {name}; `python -m workloads token` prints a token for other clients")
    return 0


def _logout(endpoints: Endpoints, _: argparse.Namespace) -> int:
    """End a login, here and at the issuer."""
    from workloads import logins

    _refuse_without_issuer(endpoints)
    if logins.sign_out(endpoints):
        print("signed out")
    else:
        print("signed out on this machine; the issuer did not confirm it, so a copy of the login could go on")
    return 0


_OTHERS = {
    "login": _login,
    "logout": _logout,
    "history": history.run,
    "promote": promotion.run,
    "rollout": rollouts.run,
    "share": sharing.run,
    "token": _token,
}
_NO_LOGIN = "the platform has no login: clients need no token"


def _refuse_without_issuer(endpoints: Endpoints) -> None:
    if not endpoints.identity_account:
        raise WorkloadsError(_NO_LOGIN)
    if not endpoints.identity_issuer:
        raise WorkloadsError(
            "the platform's login has one user and no issuer: `python -m workloads token` prints a token; "
            "a browser signs in with the password that `python -m infra password` prints"
        )


def _name(options: argparse.Namespace) -> str:
    """Return the name of the model: as chosen, or that of the data."""
    from workloads import model_names

    return model_names.checked(options.name) if options.name else model_names.model_name(options.data)


def _hold(options: argparse.Namespace, arguments: list[str]) -> int:
    """Become the program that runs this command while the parts of a platform are on this machine."""
    from workloads.pipelines import inputs

    if options.data not in _SHIPPED:
        raise WorkloadsError(
            f"data {options.data}: is not on this machine; with --local give {' or '.join(_SHIPPED)}, "
            "or run on a platform, whose object store holds tables"
        )
    # Also without a platform these are refused before anything starts.
    _name(options)
    searches = options.pipeline == "tune"
    regularization = 1.0 if searches else options.regularization
    inputs.refuse(options.family, options.objective, options.threshold, regularization)
    if searches:
        inputs.refuse_search(options.family, **run_options.search_of(options), local=True)
    command = [sys.executable, "-m", "simulation.laptop", "hold", *(["--stay"] if options.stay else []), "--"]
    command += [sys.executable, "-m", "workloads", *arguments, "--endpoints", "{endpoints}"]
    sys.stdout.flush()
    # In place of this process, so that a signal to it ends everything.
    os.execv(sys.executable, command)  # noqa: S606 - no shell is wanted


def _train(endpoints: Endpoints, options: argparse.Namespace) -> int:
    """Train, register and serve a model, of searched parameters or of given ones, and show it."""
    from workloads import datasets, lineage, model_names

    name = _name(options)
    if options.unless_served and lineage.serves_champion(endpoints, name):
        return _show(endpoints, options, name)
    dataset = datasets.prepare(endpoints, options.data, options.target, name=options.name, task=options.task)
    if not options.replace:
        model_names.refuse_taken(name, options.data, lineage.data_of(endpoints, name))
    arguments = run_options.inputs_of(dataset, options)
    print(f"{options.data}: {dataset.understood}", flush=True)
    _run(endpoints, options, arguments, cache=not options.no_cache)
    return _show(endpoints, options, dataset.model_name)


def _retrain(endpoints: Endpoints, options: argparse.Namespace) -> int:
    """Train a model again and show it, or let the platform do so again and again."""
    arguments = retraining.inputs(endpoints, options)
    if options.every is None:
        _run(endpoints, options, arguments, cache=True)
        return _show(endpoints, options, options.name)
    seconds = retraining.interval_of(options.every)
    from workloads import pipeline_runs

    made = pipeline_runs.schedule(endpoints, options.pipeline, arguments, seconds=seconds)
    print(
        f"recurring run {made} of {options.pipeline} {options.name}, every {options.every}"
        if made
        else f"{options.pipeline} {options.name} is not repeated any more"
    )
    return 0


def _predict(endpoints: Endpoints, options: argparse.Namespace) -> int:
    """Predict a table, and show where the predictions are and what they come from."""
    from workloads import model_names, predictions

    name = model_names.checked(options.name)
    arguments = predictions.prepare(
        endpoints, options.data, name, version=options.version, output=options.output, keep=options.keep
    )
    run_id = _run(endpoints, options, arguments, cache=False)
    found = predictions.trace(endpoints, name, run_id)
    measured = found.metrics
    print(f"model      {name} version {found.tags['model.version']}, pipeline run {run_id}")
    print(f"predicted  {measured['rows']:.0f} rows in {measured['seconds']:.1f} s", end="")
    print(f", {measured['rows_per_second']:.0f} in a second")
    print(f"output     {found.output}")
    broken = predictions.broken_links(found)
    if broken:
        raise WorkloadsError(f"predictions of {name}: their lineage is broken: {broken[0]}")
    return 0


def _embed(endpoints: Endpoints, options: argparse.Namespace) -> int:
    """Serve a published model of sentence embeddings and show it."""
    from workloads import lineage, model_names

    arguments = embeddings.inputs(options.name, replace=options.replace)
    if not options.replace:
        model_names.refuse_taken(options.name, options.data, lineage.data_of(endpoints, options.name))
    _run(endpoints, options, arguments, cache=not options.no_cache)
    return _show(endpoints, options, options.name)


_RUNS = {"embed": _embed, "predict_batch": _predict, "retrain": _retrain}
"""Pipelines that train nothing, or need a model that is trained."""


def _run(endpoints: Endpoints, options: argparse.Namespace, arguments: dict[str, Any], *, cache: bool) -> str:
    """Run a pipeline to its end and return its id; print the duration of each step, and why it failed."""
    from workloads import pipeline_runs
    from workloads.progress import StepProgress

    progress = StepProgress(sys.stdout)
    if endpoints.local_model_url:
        from workloads import local_runs

        # A command beside the one that is held has not got it.
        os.environ.setdefault("MLFLOW_TRACKING_URI", endpoints.gateway_url)
        run = local_runs.run(options.pipeline, arguments, endpoints.workload_image, show=progress.show)
    else:
        run_id = pipeline_runs.submit(endpoints, options.pipeline, arguments, cache=cache)
        print(
            f"pipeline run {run_id} of {options.pipeline} on {options.data or arguments['data']}", flush=True
        )
        run = pipeline_runs.wait_until_finished(
            endpoints, run_id, timeout_seconds=options.timeout_seconds, show=progress.show
        )
    progress.end(run.steps)
    print(f"  {run.state} after {run.seconds:.1f} s", flush=True)
    if run.state != pipeline_runs.SUCCEEDED:
        raise WorkloadsError(f"pipeline run {run.run_id}: {run.state}: {run.reason}")
    return run.run_id


def _show(endpoints: Endpoints, options: argparse.Namespace, name: str) -> int:
    """Print the served version and one prediction with its expected value; fail if any prediction differs."""
    from workloads import lineage
    from workloads.serving import curl_command
    from workloads.serving.inference_client import InferenceClient
    from workloads.serving.inference_service import version_service

    traced = lineage.trace(endpoints, name)
    evidence = lineage.read_held_back(endpoints, traced.served.mlflow_run_id)
    # The version that is shown: during a rollout the model's own host leads to two.
    service = version_service(name, traced.model_version)
    served = InferenceClient(endpoints, name, service=service).predict_v1(evidence.instances)
    largest = evidence.largest_difference(served)
    print(f"model      {name} version {traced.model_version}, pipeline run {traced.pipeline_run_id}")
    if summary := traced.search_tags.get("search.summary"):
        print(f"searched   {summary}")
    if job := traced.nodes_tags.get("nodes.train_job"):
        print(f"trained    on several nodes, train job {job}, {traced.nodes_tags['nodes.lost']} of them lost")
    host = endpoints.model_host(name)
    url = endpoints.url(host)
    by_header = f"  (Host: {host})" if url == endpoints.gateway_url else ""
    verb = "answered" if endpoints.local_model_url else "answers"
    print(f"{verb} at {url}/v1/models/{name}:predict{by_header}")
    if not endpoints.local_model_url:
        row = evidence.instances[0]
        print(f"try it     {curl_command.of_model(endpoints, name, row, platform=_platform(options))}")
    if endpoints.identity_account and not endpoints.identity_issuer:
        page = endpoints.url_by_name(endpoints.tracking_host)
        command = f"{curl_command.interpreter()} -m infra password --stack {options.stack}"
        print(f"sign in    {page} in a browser as {LOGIN_USER}; `{command}` prints the password")
    wrong = _show_classes(evidence, served, largest) if evidence.classes else 0
    if not evidence.classes:
        print(f"predicted  {_shown(served[0])}")
        print(f"expected   {_shown(evidence.predicted[0])}")
        what = "vectors" if isinstance(served[0], list) else "quantities, relative to their size"
        print(f"held back  {len(served)} {what} within {largest:.1e}")
    broken = lineage.broken_links(traced)
    if broken:
        raise WorkloadsError(f"model {name}: its lineage is broken: {broken[0]}")
    if wrong or not largest <= evidence.tolerance:
        raise WorkloadsError(f"model {name}: predictions differ from those at training time")
    return 0


def _shown(answer: Any) -> str:
    """Return an answer for people: of a long vector, its first values."""
    if not isinstance(answer, list):
        return repr(answer)
    values = cast("list[float]", answer)
    return f"{', '.join(map(repr, values[:3]))}, … ({len(values)} values)"


def _platform(options: argparse.Namespace) -> list[str]:
    """Return the options that name a platform to another command, but for those that are as by default."""
    given = {"--stack": options.stack, "--team": options.team, "--endpoints": options.endpoints}
    by_default = {"--stack": "local"}
    return [
        word
        for key, value in given.items()
        if value and value != by_default.get(key)
        for word in (key, value)
    ]


def _show_classes(evidence: "HeldBack", served: list[list[float]], largest: float) -> int:
    """Print the first predicted class and its expected value; return how many classes differ."""
    classes = [evidence.classes[row.index(max(row))] for row in served]
    equal = sum(actual == expected for actual, expected in zip(classes, evidence.predicted, strict=True))
    place = evidence.classes.index(evidence.predicted[0])
    print(f"predicted  {classes[0]} with probability {served[0][place]!r}")
    print(f"expected   {evidence.predicted[0]} with probability {evidence.probabilities[0][place]!r}")
    print(f"held back  {equal} of {len(classes)} classes equal, probabilities within {largest:.1e}")
    return len(classes) - equal


if __name__ == "__main__":
    failures.in_one_line()
    sys.exit(main())
