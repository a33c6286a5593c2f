"""The error of this package."""


class ClusterError(Exception):
    """What a user must know in one line: which input, what was given, what to do."""
