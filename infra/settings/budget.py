"""Settings of the budget alarm of a stack's AWS account."""

from typing import Annotated

from pydantic import Field

from infra.settings.sections import Section


class BudgetSettings(Section):
    """What a month of the whole account may cost, and who gets a mail when it costs more."""

    monthly: int = Field(ge=1)
    """Limit in USD."""
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
    """Address that gets an e-mail at half of the limit, at the limit, and when AWS expects more."""
