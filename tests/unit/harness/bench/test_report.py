"""The table of a benchmark."""

from typing import Any

from harness.bench.report import table

_ADDED = {"p50_ms": 0.011, "p50_ratio": 1.02, "p99_ms": 0.3, "cpu_ms": 0.012, "cpu_ratio": 1.03}
REPORT: dict[str, Any] = {
    "install": {
        "cluster_seconds": 14.3,
        "up_seconds": 136.2,
        "up_resources": 252,
        "up_failed": 0,
        "up_retried": 1,
        "noop_up_seconds": 13.0,
        "noop_up_changes": 0,
    },
    "memory": {
        "resident_mib": 3190.4,
        "proportional_mib": 2800.0,
        "components": [{"component": "mlflow/mlflow", "resident": 310.0, "proportional": 300.0}],
    },
    "chain": {
        "seconds": 152.0,
        "steps": {"load-data": 20.0},
        "phases": {"drivers": {"pods": 8, "starting": 16.0, "program": 8.0, "ending": 6.0, "gap": 24.0}},
    },
    "apply_to_ready_seconds": 9.5,
    "serving": [
        {
            "target": "plinth v1 direct",
            "connections": 8,
            "load": {"requests_per_second": 2121.4, "p50_ms": 0.71, "p99_ms": 2.5},
            "server_cpu_ms": 0.3,
            "gateway_cpu_ms": 0.2,
            "p50_ratio": 0.88,
            "cpu_ratio": 1.25,
        }
    ],
    "added": [{"what": "recording", **_ADDED}],
    "mixed_columns": [
        {
            "target": "plinth predictor",
            "connections": 1,
            "load": {"requests_per_second": 201.0, "p50_ms": 4.5, "p99_ms": 9.0},
            "server_cpu_ms": 4.0,
            "gateway_cpu_ms": 0.0,
            "p50_ratio": 1.02,
            "cpu_ratio": 1.01,
        }
    ],
}


def test_every_figure_has_its_unit() -> None:
    lines = table(REPORT)
    assert lines[:2] == [
        "idle memory            3190 MiB resident, 2800 MiB proportional",
        f"  {'mlflow/mlflow':44}    310 MiB     300 MiB",
    ]
    assert "pulumi up, fresh      136.2 s, 252 resources, 0 failed, 1 retried" in lines
    assert "pulumi up, again       13.0 s, 0 changes" in lines
    assert lines[5:9] == [
        "chain                 152.0 s",
        "  load-data            20.0 s",
        "   8 drivers             16 s starting, 8 s program, 6 s ending, 24 s until the next pod",
        "apply to Ready          9.5 s",
    ]


def test_a_row_of_serving_is_below_its_headings_and_adds_the_cpu_of_the_gateway() -> None:
    headings, row, mixed, added = table(REPORT)[-4:]
    assert len(headings) == len(row) == len(mixed) == len(added)
    assert added.split() == ["added", "by", "recording", "0.01", "0.30", "0.01", "1.02", "1.03"]
    assert mixed.startswith("plinth predictor, mixed ")
    assert row.split() == ["plinth", "v1", "direct", "8", "2121", "0.71", "2.50", "0.50", "0.88", "1.25"]
