"""Errors that the user can fix."""


class WorkloadsError(Exception):
    """An error in one line: the input, the value given and the remedy."""
