"""What a user did that cannot work, in one line."""


class WorkloadsError(Exception):
    """One line: which input, what was given, what to do."""
