"""What tests of every pipeline say about the tasks of its golden file."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any


def assert_in_order(tasks: Mapping[str, Any], chain: Sequence[str]) -> None:
    """Assert that these are all tasks, and that each waits for the one before it."""
    assert set(tasks) == set(chain)
    for before, after in pairwise(chain):
        assert before in tasks[after].get("dependentTasks", []), f"{after} does not wait for {before}"


def cached(tasks: Mapping[str, Any]) -> set[str]:
    """Return the tasks whose results are taken from the cache."""
    return {name for name, task in tasks.items() if task.get("cachingOptions", {}).get("enableCache")}
