"""What a user asked of the load tests that cannot be done, in one line."""


class LoadtestError(Exception):
    """One line: which input, what was given, what to do."""
