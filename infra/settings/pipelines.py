"""Settings of pipelines: where steps find packages, how long they may wait, and what they may use up."""

from typing import Annotated

from pydantic import Field

from infra.settings.sections import Cidr, Quantity, Section

IndexUrl = Annotated[str, Field(pattern=r"^https?://[^\s/@]+(/\S*)?$")]


class PipelinesSettings(Section):
    """Settings of pipelines and their steps."""

    package_index: IndexUrl | None = None
    """Index of Python packages for the pip of steps, without credentials; by default pip's own, PyPI."""
    package_index_cidrs: tuple[Cidr, ...] = Field(default=(), strict=False)
    """Networks that the index is in; steps may connect to its port there. By default any."""
    start_timeout_seconds: int = Field(default=240, ge=30, le=86400)
    """After it a step fails whose image, Secret or volume is not there."""
    room_timeout_seconds: int = Field(default=86400, ge=60, le=2592000)
    """After it a step fails that no node has room for, such as one that waits for a GPU or a quota."""
    step_memory: Quantity = "4Gi"
    """Most memory of a step that sets no limit itself."""
    step_storage: Quantity = "20Gi"
    """Most disk of a step, beside its volumes, if it sets no limit itself."""
