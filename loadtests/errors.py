"""Errors that the user of the load tests can fix."""


class LoadtestError(Exception):
    """An error in one line: the input, the value given and the remedy."""
