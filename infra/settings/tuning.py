"""Settings of tuning: whether searches for parameters run as experiments of Katib."""

from infra.settings.sections import Section


class TuningSettings(Section):
    """Settings of tuning."""

    enabled: bool = False
    """Whether the stack has Katib, whose trials are pods of their own; without it a search is one step."""
