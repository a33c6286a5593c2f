"""Commands about the AWS account of a stack: checks, estimates, what must exist before, and policies."""

import argparse
import json
from pathlib import Path

from infra.account import cost, cost_report
from infra.account.demand import Demand, demand_of
from infra.account.prices import load_prices
from infra.errors import InfraError
from infra.installation import settings
from infra.settings import stack_file
from infra.settings.cluster import EksSettings


def preflight(options: argparse.Namespace) -> int:
    """Check that the account has everything that the stack needs."""
    # The AWS SDK takes half a second to import, which no other command should wait for.
    from infra.account import preflight, session

    demand = demand_of(settings(options.stack), options.stack)
    report = preflight.run(demand, session.connect(demand.region))
    print(preflight.table(options.stack, report))
    return 1 if report.failures else 0


def bootstrap(options: argparse.Namespace) -> int:
    """Create the bucket of the state and the key of the secrets, and print how a stack uses them."""
    from infra.account import bootstrap, session

    cluster = _cluster(options.stack)
    for line in bootstrap.run(session.connect(cluster.region), cluster):
        print(line, flush=True)
    print(bootstrap.instructions(options.stack, bootstrap.backend_of(cluster)))
    return 0


def leftovers(options: argparse.Namespace) -> int:
    """List what a destroyed stack has left in the account."""
    from infra.account import bootstrap, leftovers, preflight, session

    cluster = _cluster(options.stack)
    account = session.connect(cluster.region)
    session.identify(account)
    backend = bootstrap.backend_of(cluster)
    report = preflight.Report(findings=tuple(leftovers.find(account, cluster.name, backend)))
    print(preflight.table(options.stack, report, title="leftovers"))
    return 1 if report.failures else 0


def policy(options: argparse.Namespace) -> int:
    """Print the IAM policies that `up` needs as a JSON list, or write each into a file."""
    from infra.account import deployer_policy, registrations

    chosen, cluster = settings(options.stack), _cluster(options.stack)
    plan = registrations.registered(chosen, options.stack)
    documents = deployer_policy.documents(demand_of(chosen, options.stack), cluster, plan)
    if options.folder is None:
        print(json.dumps(documents, indent=1))
        return 0
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    for number, document in enumerate(documents, 1):
        file = folder / f"{cluster.name}-deploy-{number}.json"
        file.write_text(json.dumps(document, separators=(",", ":")))
        print(file)
    return 0


def _cluster(stack: str) -> EksSettings:
    chosen = settings(stack)
    # Refuses a stack without AWS, and names it.
    demand_of(chosen, stack)
    if not isinstance(chosen.cluster, EksSettings):
        raise TypeError(f"stack {stack} is not on EKS")
    return chosen.cluster


def estimate(options: argparse.Namespace) -> int:
    """Print the estimate of a stack, of all stacks as a table, or the difference between two."""
    if options.table:
        print(cost_report.table(_estimates()))
        return 0
    if options.diff:
        names = [Path(each).stem if each.endswith(".yaml") else each for each in options.diff]
        if names[0] == names[1]:
            names = [*options.diff]
        found = [_lines(_demand(each)) for each in options.diff]
        print(cost_report.difference(dict(zip(names, found, strict=True))))
        return 0
    demand = demand_of(settings(options.stack), options.stack)
    prices = load_prices(demand.region)
    if options.json:
        print(json.dumps(cost_report.summary(options.stack, demand, prices), indent=1))
    else:
        print(cost_report.text(options.stack, demand, prices))
    return 0


def _demand(name: str) -> Demand:
    """Return the demand of a stack, or of a stack file elsewhere, such as an earlier version."""
    if not name.endswith(".yaml"):
        return demand_of(settings(name), name)
    file = Path(name)
    if not file.is_file():
        raise InfraError(f"--diff {name}: no such file; give a stack, or the path of a stack file")
    return demand_of(stack_file.settings_in(file), file.stem)


def _lines(demand: Demand) -> tuple[cost.Line, ...]:
    return cost.lines(demand, load_prices(demand.region))


def _estimates() -> dict[str, tuple[cost.Line, ...]]:
    """Return the estimate of every stack on AWS, the cheapest first."""
    estimates: dict[str, tuple[cost.Line, ...]] = {}
    for stack in stack_file.names():
        chosen = stack_file.settings(stack)
        if isinstance(chosen.cluster, EksSettings):
            estimates[stack] = _lines(demand_of(chosen, stack))
    return dict(sorted(estimates.items(), key=lambda item: cost.total(item[1])))
