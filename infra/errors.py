"""Errors of the infrastructure program and of its command line."""

import pulumi


class InfraError(Exception):
    """A command cannot continue; the message is one line with the wrong input and its remedy."""


class StackInUseError(InfraError):
    """Another run works on the stack."""


class SettingsError(InfraError, pulumi.RunError):
    """A setting is wrong. Being a RunError, the engine prints it without a traceback."""
