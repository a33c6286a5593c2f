"""Fixtures of load runs."""

from tests.fixtures.load_runs import load_run as load_run
