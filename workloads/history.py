"""`python -m workloads history MODEL`: which version served when, and why it changed."""

import argparse
import sys
from collections.abc import Iterable, Mapping

from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.retraining.records import attempts
from workloads.serving.rollout_record import RECORD, RolloutRecord


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    command.add_argument("model", metavar="MODEL", help="registered model")
    command.add_argument("--json", action="store_true", help="print each record as a line of JSON")


def lines(record: RolloutRecord) -> list[str]:
    """Return what a rollout changed, for people: one line, and one for each share that was judged."""
    after = f" after version {record.before}" if record.before else ""
    what = f"serves{after}" if record.promoted else "rolled back"
    people = " approved by ".join(each for each in (record.requested_by, record.approved_by) if each)
    first = (
        f"{record.at}  version {record.version} {what}: {record.because} "
        f"({record.reason}; asked by {people or 'unknown'})"
    )
    experiment = [f"  experiment: {says}"] if (says := record.experiment.get("says")) else []
    return [
        first,
        *(
            f"  at {each['weight']} %: {each['canaryFailed']} of {each['canary']} failed, "
            f"{each['stableFailed']} of {each['stable']} of version {record.before}"
            for each in record.counts
        ),
        *experiment,
    ]


def records(tags_by_version: Iterable[tuple[str, Mapping[str, str]]]) -> list[RolloutRecord]:
    """Return the records in the tags of versions, the oldest first; what is none is reported and left out."""
    found: list[RolloutRecord] = []
    for version, tags in tags_by_version:
        for key, text in tags.items():
            if not key.startswith(RECORD):
                continue
            try:
                found.append(RolloutRecord.from_text(text))
            except ValueError:
                sys.stderr.write(f"tag {key} of version {version}: is not the controller's; left out\n")
    return sorted(found, key=lambda each: each.at)


def run(endpoints: Endpoints, options: argparse.Namespace) -> int:
    """Print the records of a model's rollouts and return the exit code.

    Raises:
        WorkloadsError: the model is not registered, or nothing is on record.
    """
    from workloads.tracking import connect

    versions = connect(endpoints).search_model_versions(f"name = '{options.model}'", max_results=1000)
    if not versions:
        raise WorkloadsError(f"model {options.model}: is not registered")
    tags = [(str(each.version), each.tags) for each in versions]
    found = [(each.at, each.text() if options.json else "\n".join(lines(each))) for each in records(tags)]
    found += [
        (each.at, each.to_json() if options.json else each.line(version)) for version, each in attempts(tags)
    ]
    if not found:
        raise WorkloadsError(f"model {options.model}: no rollout of it has ended yet")
    for _, text in sorted(found):
        print(text)
    return 0
