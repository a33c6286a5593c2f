"""What a stage of the bench measured, as lines for people."""

from harness.bench.scale.growth import Stage

_COMPONENTS = 6


def lines(stage: Stage) -> list[str]:
    """Return a heading, a line for each point, and one for each component that takes more memory."""
    last = stage.points[-1]
    found = [f"{last.count} {stage.what}: {last.seconds:.1f} s"]
    for point in stage.points:
        reads = ", ".join(f"{name} {taken:.1f} ms" for name, taken in point.reads.items())
        found.append(f"  {point.count:>6} after {point.seconds:7.1f} s: {reads}")
    for title, memory in (("at the most", stage.peak), ("afterwards", stage.memory)):
        if memory:
            found.append(f"  memory {title}: {sum(memory.values()):+.0f} MiB")
            found += [f"    {name:44}{mib:+7.0f} MiB" for name, mib in [*memory.items()][:_COMPONENTS]]
    if stage.bounded_mib is not None:
        found.append(f"  the {stage.what} themselves: {stage.bounded_mib:.0f} MiB")
    return found
