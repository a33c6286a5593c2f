"""Collects evidence after each phase: memory, pipeline steps, verdicts, leftovers."""

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from kubernetes import client

from cluster.instance import Instance
from harness import leftovers, memory
from harness.evidence import provenance, stories
from harness.evidence.night import Fault, Night, Phase, State
from harness.leftovers import Snapshot
from harness.night.phases import INSTANCE
from upstream.cache import cache_root
from workloads import cluster_client, lineage, pipeline_runs
from workloads.endpoints import Endpoints
from workloads.wait import wait_for

_REST_SECONDS = 120
_OUTCOMES = {"passed": "passed", "failed": "failed", "invalid": "skipped"}


class Collection:
    """Adds evidence from the running platform and the reports of phases to the night's record."""

    def __init__(self, folder: Path) -> None:
        """Prepare to read the reports in the night's folder."""
        self._folder = folder
        self._instance = Instance(INSTANCE)
        self._before: Snapshot | None = None

    def begin(self) -> None:
        """Take a snapshot of the machine before anything starts."""
        os.environ["PLINTH_INSTANCE"] = INSTANCE
        for stale in (self._load_report(), self._load_report().with_suffix(".xml")):
            stale.unlink(missing_ok=True)
        self._before = leftovers.take(self._instance)

    def after(self, phase: str, night: Night) -> Night:
        """Return the night with the evidence of a phase that has ended."""
        readers: dict[str, Callable[[Night], Night]] = {
            "up": self._up,
            "verify": lambda each: self._memory(self._journeys(each, "verify", "quick"), "verify"),
            "load": lambda each: self._memory(self._load(each), "load"),
            "slow": lambda each: self._stories(self._journeys(each, "slow", "slow")),
            "faults": lambda each: self._memory(self._journeys(each, "faults", "faults"), "faults"),
            "down": self._down,
        }
        return readers[phase](night)

    def _up(self, night: Night) -> Night:
        # Images are built by this phase, so their digests are known only now.
        night = replace(night, images=provenance.image_digests(provenance.registry("local")))
        endpoints = Endpoints.of_stack("local")
        run = _reference_run(endpoints)
        _wait_until_at_rest(endpoints)
        digests = _running_digests(endpoints, night)
        return self._memory(replace(night, pipeline=run, promises=(*night.promises, digests)), "up")

    def _memory(self, night: Night, phase: str) -> Night:
        rows = memory.of_instance(self._instance, str(self._instance.kubeconfig))
        return replace(night, memory={**night.memory, phase: [asdict(row) for row in rows]})

    def _journeys(self, night: Night, phase: str, which: str) -> Night:
        verdicts = json.loads((self._folder / which / "verify.json").read_text())["verdicts"]
        return replace(night, promises=(*night.promises, *({"phase": phase, **each} for each in verdicts)))

    def _stories(self, night: Night) -> Night:
        return replace(night, stories=stories.read_all(self._folder / "slow" / stories.FOLDER))

    @staticmethod
    def _load_report() -> Path:
        return cache_root() / "reports" / "load.json"

    def _load(self, night: Night) -> Night:
        report: dict[str, Any] = json.loads(self._load_report().read_text())
        for file in (self._load_report(), self._load_report().with_suffix(".xml")):
            if file.is_file():
                shutil.copy(file, self._folder)
        judged = load_phase(night.phase("load"), report)
        promises = (*night.promises, *load_promises(report))
        return replace(night.with_phase(judged), load=report, promises=promises)

    def _down(self, night: Night) -> Night:
        if self._before is None:
            raise RuntimeError("no snapshot of the machine was taken before `up`")
        left = leftovers.left_behind(self._before, leftovers.take(self._instance))
        reason = "; ".join(f"{kind}: {', '.join(names[:5])}" for kind, names in left.items())
        promise = _promise("down", "nothing is left on the machine", not left, reason)
        return replace(night, promises=(*night.promises, promise))


def _promise(phase: str, promise: str, passed: bool, reason: str, **figures: object) -> dict[str, Any]:
    outcome = "passed" if passed else "failed"
    return {
        "phase": phase,
        "promise": promise,
        "outcome": outcome,
        "seconds": 0.0,
        "figures": figures,
        "reason": reason,
    }


def load_phase(phase: Phase, report: dict[str, Any]) -> Phase:
    """Return the load phase with the gate's reasons; a load generator that was too slow is an infra fault."""
    if phase.state is not State.FAILED or not report["reasons"]:
        return phase
    fault = Fault.INFRA if report["outcome"] == "invalid" else phase.fault
    return replace(phase, fault=fault, reason="; ".join(report["reasons"])[:300])


def load_promises(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each load profile as a promise; an inconclusive run counts as skipped."""
    return [
        {
            "phase": "load",
            "promise": f"{run['profile']}: {run['description']}",
            "outcome": _OUTCOMES[run["outcome"]],
            "seconds": run["statistics"]["seconds"],
            "figures": {
                "good answers/s": round(run["statistics"]["answered_per_second"], 1),
                "p99": f"{run['statistics']['p99_ms']:.1f} ms",
            },
            "reason": "; ".join(run["reasons"]),
        }
        for run in report["runs"]
    ]


def _reference_run(endpoints: Endpoints) -> dict[str, Any]:
    """Return the pipeline run that deployed the served model, with its steps."""
    run_id = lineage.trace(endpoints, "wine").pipeline_run_id
    return asdict(pipeline_runs.wait_until_finished(endpoints, run_id, timeout_seconds=60))


def _wait_until_at_rest(endpoints: Endpoints) -> None:
    """Wait until no pod of a pipeline run is running."""
    api: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))

    def busy() -> str | None:
        pods = api.list_namespaced_pod(endpoints.pipelines_namespace, label_selector="pipeline/runid").items
        names = [pod.metadata.name for pod in pods if pod.status.phase in ("Pending", "Running")]
        return f"{names[0]} is running" if names else None

    wait_for("rest", busy, timeout_seconds=_REST_SECONDS, successes=5)


def _running_digests(endpoints: Endpoints, night: Night) -> dict[str, Any]:
    """Return the promise that pods run the images that were built, compared by digest."""
    api: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    running: list[tuple[str, str]] = []
    for pod in api.list_pod_for_all_namespaces().items:
        ids = {each.name: each.image_id for each in pod.status.container_statuses or []}
        running += [(each.image, ids.get(each.name) or "") for each in pod.spec.containers]
    return digest_promise({image["reference"]: image["digest"] for image in night.images}, running)


def digest_promise(built: Mapping[str, str], running: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the promise that running images are those that were built.

    Args:
        built: Digest by image reference.
        running: Reference of each container and the image id that the kubelet reports, empty before it runs.
    """
    compared = [(image, identity) for image, identity in running if identity and built.get(image)]
    wrong = sorted(
        {f"{image} runs as {found}" for image, found in compared if not found.endswith(built[image])}
    )
    return _promise(
        "up",
        "every pod runs the image that was built, by its digest",
        bool(compared) and not wrong,
        "; ".join(wrong) or ("" if compared else "no pod runs an image that was built"),
        **{"images compared": len({image for image, _ in compared})},
    )
