"""Table of a benchmark's report."""

from typing import Any


def table(report: dict[str, Any]) -> list[str]:
    """Return the report as lines for people."""
    install, chain = report["install"], report["chain"]
    lines = [
        f"idle memory         {report['memory']['resident_mib']:7.0f} MiB resident, "
        f"{report['memory']['proportional_mib']:.0f} MiB proportional",
        *(
            f"  {row['component']:44}{row['resident']:7.0f} MiB {row['proportional']:7.0f} MiB"
            for row in report["memory"]["components"]
        ),
        f"cluster up          {install['cluster_seconds']:7.1f} s",
        f"pulumi up, fresh    {install['up_seconds']:7.1f} s, {install['up_resources']} resources, "
        f"{install['up_failed']} failed, {install['up_retried']} retried",
        f"pulumi up, again    {install['noop_up_seconds']:7.1f} s, {install['noop_up_changes']} changes",
        f"chain               {chain['seconds']:7.1f} s",
        *(f"  {name:18}{seconds:7.1f} s" for name, seconds in chain["steps"].items()),
        *(
            f"  {each['pods']:2} {kind:15}{each['starting']:7.0f} s starting, {each['program']:.0f} s program"
            f", {each['ending']:.0f} s ending, {each['gap']:.0f} s until the next pod"
            for kind, each in chain["phases"].items()
        ),
        f"apply to Ready      {report['apply_to_ready_seconds']:7.1f} s",
        f"{'target':26}{'conn':>5}{'rps':>8}{'p50 ms':>8}{'p99 ms':>8}{'CPU ms':>8}{'p50 x':>7}{'CPU x':>7}",
    ]
    mixed: list[dict[str, Any]] = [
        {**row, "target": f"{row['target']}, mixed"} for row in report["mixed_columns"]
    ]
    for row in [*report["serving"], *mixed]:
        load = row["load"]
        cpu = row["server_cpu_ms"] + row["gateway_cpu_ms"]
        lines.append(
            f"{row['target']:26}{row['connections']:5}{load['requests_per_second']:8.0f}{load['p50_ms']:8.2f}"
            f"{load['p99_ms']:8.2f}{cpu:8.2f}{row['p50_ratio']:7.2f}{row['cpu_ratio']:7.2f}"
        )
    lines += [
        f"added by {each['what']:30}{each['p50_ms']:8.2f}{each['p99_ms']:8.2f}{each['cpu_ms']:8.2f}"
        f"{each['p50_ratio']:7.2f}{each['cpu_ratio']:7.2f}"
        for each in report["added"]
    ]
    return lines
