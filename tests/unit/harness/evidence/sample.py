"""Nights as they were recorded, shortened; the page is tested with them."""

import math
from dataclasses import replace
from typing import Any

from harness.evidence.history import Entry
from harness.evidence.night import Fault, Night, Phase, State, Step

_UP = (
    ("setup", 0.0, 1.4),
    ("build", 1.4, 3.1),
    ("cluster", 4.5, 14.3),
    ("deploy", 18.8, 128.0),
    ("demo", 146.8, 158.2),
)


def _step(name: str, began: float, seconds: float) -> Step:
    return Step(name=name, state=State.PASSED, began=began, seconds=seconds, log=f"{name}.log")


def _phase(name: str, began: float, seconds: float, *steps: Step) -> Phase:
    return Phase(
        name=name,
        state=State.PASSED,
        began=began,
        seconds=seconds,
        steps=steps or (_step(name, began, seconds),),
        reports=(f"{name}.log",),
    )


def _run(profile: str, **fields: Any) -> dict[str, Any]:
    return {
        "profile": profile,
        "description": "batches of 1 and 32 rows, both protocols",
        "user": "inference",
        "outcome": "passed",
        "reasons": [],
        "slo": {"p99_ms": 50, "error_ratio": 0.0},
        "statistics": {
            "asked_per_second": 120.0,
            "answered_per_second": 119.8,
            "p50_ms": 4.1,
            "p95_ms": 9.7,
            "p99_ms": 18.2,
            "failed": 0,
            "wrong": 0,
        },
        "series": [],
        "steps": [],
        **fields,
    }


def _series() -> list[dict[str, Any]]:
    return [
        {
            "seconds": second,
            "asked": 120,
            "answered": 120,
            "failed": 0,
            "wrong": 0,
            "p50_ms": 4.0 + 0.6 * math.sin(second / 4) + (3.0 if 30 < second < 34 else 0.0),
            "p99_ms": 14.0 + 5.0 * math.sin(second / 3 + 1) + (19.0 if 30 < second < 34 else 0.0),
        }
        for second in range(60)
    ]


def _ramp() -> list[dict[str, Any]]:
    rates = [50, 100, 150, 200, 250, 300, 350, 400, 450]
    return [
        {
            "asked_per_second": float(rate),
            "answered_per_second": float(min(rate, 372)),
            "p50_ms": 3.2 + rate / 150 + (160 if rate > 372 else 0),
            "p95_ms": 6.1 + rate / 50 + (420 if rate > 372 else 0),
            "p99_ms": 9.0 + rate / 22 + (880 if rate > 372 else 0),
            "failed": 0,
            "held": rate < 372,
        }
        for rate in rates
    ]


LOAD: dict[str, Any] = {
    "schema": "plinth.load/1",
    "outcome": "passed",
    "reasons": [],
    "seconds": 246.0,
    "runs": [_run("inference-steady", series=_series()), _run("inference-ramp", steps=_ramp())],
    "saturation": {
        "connections": 8,
        "gateway_per_second": 372.0,
        "bare_per_second": 401.0,
        "ratio": 0.928,
        "goal": 0.8,
        "p99_ms_at_half": 17.4,
    },
    "monitoring_mib": 512.0,
    "model": {"name": "wine", "version": "4", "digest": "d1", "pipeline_run_id": "p4", "champion": True},
}

_MEMORY = {
    "kube-apiserver": 412.0,
    "kubeflow/ml-pipeline-5cbb8bff79": 118.0,
    "kubeflow/mysql": 164.0,
    "kubeflow/workflow-controller-7d9f": 61.0,
    "mlflow/mlflow-78954584dc": 402.0,
    "models/wine-predictor-69fc8c7c96": 331.0,
    "databases/postgres": 148.0,
    "etcd": 96.0,
    "containerd": 84.0,
    "kubelet": 91.0,
    "kserve/kserve-controller-manager-6b": 74.0,
    "gateway/traefik-5f6d": 82.0,
    "object-store/versitygw-0": 44.0,
    "monitoring/prometheus-plinth": 296.0,
    "monitoring/alertmanager-plinth": 41.0,
    "kube-controller-manager": 77.0,
    "kube-scheduler": 52.0,
    "kubeflow/metadata-grpc-599d7c689d": 96.0,
}


def _memory(factor: float) -> list[dict[str, Any]]:
    return [
        {"component": name, "resident": value * factor * 1.2, "proportional": value * factor}
        for name, value in _MEMORY.items()
    ]


def _promise(phase: str, promise: str, seconds: float, **figures: object) -> dict[str, Any]:
    return {
        "phase": phase,
        "promise": promise,
        "outcome": "passed",
        "seconds": seconds,
        "figures": figures,
        "reason": "",
    }


PROMISES = (
    _promise(
        "verify",
        "every held back row is predicted as at training time[wine]",
        0.4,
        **{"wine v1 rows, largest difference": "54, 0", "wine v2 rows, largest difference": "54, 0"},
    ),
    _promise("verify", "the gateway returns every bit of what the serving image computes[wine]", 3.4),
    _promise("verify", "the metrics in mlflow equal a recomputation[wine]", 0.2, **{"wine accuracy": 0.98}),
    _promise("verify", "lineage is complete from data to predictor and back[wine]", 0.9),
    _promise(
        "faults",
        "what was stored is there after its pod dies[Postgres]",
        41.2,
        **{"seconds until the same data was read again": 38.7},
    ),
    _promise(
        "faults",
        "a new version replaces the served one without a failed request",
        151.0,
        **{"requests during the change, failed": "2604, 0"},
    ),
)

GREEN = Night(
    run="2026-11-21T02-00-00",
    began="2026-11-21T02:00:00+00:00",
    finished=True,
    seconds=1310.0,
    commit="0c0ffee123",
    machine={"processor": "AMD EPYC, 2 cores", "memory": "24 GiB", "system": "Debian 12", "python": "3.11.7"},
    versions={"kubernetes": "1.36.3", "kserve": "0.20.0", "mlflow (Python)": "3.17.2", "traefik": "3.6.12"},
    images=(
        {
            "name": "traefik",
            "reference": "docker.io/library/traefik:v3.6.12",
            "digest": "sha256:" + "1f791cf7" * 8,
        },
    ),
    phases=(
        _phase("up", 0.0, 305.0, *(_step(*step) for step in _UP)),
        _phase("verify", 306.0, 318.0),
        _phase("load", 625.0, 246.0),
        _phase("faults", 872.0, 391.0),
        _phase("down", 1264.0, 46.0),
    ),
    promises=PROMISES,
    memory={"up": _memory(1.0), "load": _memory(1.25)},
    pipeline={
        "run_id": "0400b2a6",
        "seconds": 150.0,
        "steps": [
            {"name": name, "phase": "Succeeded", "seconds": seconds, "cached": False}
            for name, seconds in {
                "load-data": 17.0,
                "validate-data": 15.0,
                "train": 20.0,
                "evaluate": 21.0,
                "register": 16.0,
                "deploy": 34.0,
                "smoke": 19.0,
            }.items()
        ],
    },
    load=LOAD,
)

_REASON = "assert ['class_1', 'class_2'] == ['class_1', 'class_1']\n  At index 1 diff: 'class_2' != 'class_1'"
RED = replace(
    GREEN.with_phase(
        replace(
            GREEN.phase("verify"), state=State.FAILED, fault=Fault.PRODUCT, reason="1 of 4 promises is broken"
        )
    ),
    promises=({**PROMISES[0], "outcome": "failed", "reason": _REASON}, *PROMISES[1:]),
)

RUNNING = replace(
    GREEN,
    finished=False,
    seconds=410.0,
    phases=(
        GREEN.phases[0],
        replace(
            GREEN.phases[1],
            state=State.RUNNING,
            seconds=0.0,
            steps=(replace(GREEN.phases[1].steps[0], state=State.RUNNING, seconds=0.0),),
        ),
        *(Phase(name=phase.name) for phase in GREEN.phases[2:]),
    ),
    promises=(),
    memory={"up": _memory(1.0)},
    load={},
)

PAST = [
    Entry(
        run=f"2026-11-{day:02}T02-00-00",
        began=f"2026-11-{day:02}T02:00:00+00:00",
        outcome="green" if day not in (9, 14) else "product",
        commit="abc",
        figures={
            "seconds": 1330.0 + 40 * math.sin(day),
            "up_seconds": 320.0 + 11 * math.cos(day * 1.7),
            "chain_seconds": 152.0 + 4 * math.sin(day * 2.1),
            "memory_mib": 2700.0 + 60 * math.cos(day),
            "saturation_per_second": 355.0 + 14 * math.sin(day * 1.3),
            "bare_ratio": 0.9 + 0.02 * math.sin(day),
            "half_p99_ms": 18.0 + 2.4 * math.cos(day * 2.3),
            "monitoring_mib": 520.0 + 10 * math.sin(day),
            "kept": 66.0,
        },
    )
    for day in range(3, 21)
]
