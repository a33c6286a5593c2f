"""One version of a model, as the delivery controller names it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, order=True)
class Version:
    """A version of a model in a namespace."""

    namespace: str
    model_name: str
    number: str

    def __str__(self) -> str:
        """Return it as a log names it."""
        return f"version {self.number} of {self.model_name} in {self.namespace}"

    @property
    def labels(self) -> dict[str, str]:
        """Labels of its series."""
        return {"namespace": self.namespace, "model_name": self.model_name, "version": self.number}
