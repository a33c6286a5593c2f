"""Options and markers; nothing else."""

from pathlib import Path

import pytest

LEVELS = ("unit", "contract", "integration", "e2e", "load", "gpu_sim", "conformance")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("plinth")
    group.addoption(
        "--keep", action="store_true", help="leave what a test made in the cluster, to look at it"
    )
    group.addoption(
        "--running-platform",
        action="store_true",
        help="run journeys on the platform that is up, instead of starting an instance of their own",
    )
    group.addoption("--stack", default="local", help="stack of that platform (default: %(default)s)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every test with its level: a mark someone forgot would be a test that never runs."""
    tests = Path(__file__).parent
    for item in items:
        level = item.path.relative_to(tests).parts[0]
        if level not in LEVELS:
            raise pytest.UsageError(
                f"{item.path}: tests lie in tests/{{{','.join(LEVELS)}}}, not in {level}/"
            )
        item.add_marker(level)
