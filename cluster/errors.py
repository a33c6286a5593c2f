"""The error of this package."""


class ClusterError(Exception):
    """A failure that the user can fix; one line says which input, what was given and what to do."""
