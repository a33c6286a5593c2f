"""What one check of `preflight` found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A fact about the account; a failure says how to mend it."""

    check: str
    subject: str
    """What was looked at: a zone, a type, a quota, a name."""
    found: str
    remedy: str = ""
    failed: bool = False

    def __post_init__(self) -> None:
        """Refuse a failure that leaves people alone with it."""
        if self.failed and not self.remedy:
            raise ValueError(f"remedy: none given for the failed check of {self.subject}")
