"""Settings of training on several nodes."""

from infra.settings.sections import Section


class TrainingSettings(Section):
    """Settings of training on several nodes."""

    enabled: bool = False
    """Whether pipelines may train on several nodes, by Kubeflow Trainer and JobSet."""
