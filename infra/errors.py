"""What the infrastructure program and its engine report to people."""

import pulumi


class InfraError(Exception):
    """A command cannot go on; the text is one line that names the input and the remedy."""


class SettingsError(InfraError, pulumi.RunError):
    """A setting is wrong. As a RunError the engine shows it without a traceback."""
