"""Agreement: does the new version answer the same rows as the stable one does, often enough?

Both versions are asked for the same row, without any caller waiting for it. The share of rows that they
answer differently must not be more than 1 - `minimum_agreement`. (The evidence against that is an e-value of
Bernoulli trials.) It finds versions that are broken, such as one whose classes are swapped, before they serve
anybody; which of two versions that differ is the better one, only labels can say.
"""

from dataclasses import dataclass

from delivery.statistics import evidence

FALSE_REFUSALS = 0.005
"""Share of versions that agree often enough, and are refused all the same, at most."""
THRESHOLD = evidence.threshold_for(FALSE_REFUSALS)
"""Evidence, as log10, at which the version is refused."""

# Between the bound and always: the way from one to the other in these parts.
_PARTS = (0.05, 0.11, 0.22, 0.55, 0.98)


@dataclass(frozen=True, kw_only=True)
class AgreementCounts:
    """Rows that both versions answered."""

    rows: int = 0
    different: int = 0
    """Rows that the two versions answered differently."""

    def __post_init__(self) -> None:
        evidence.check_counts("rows answered differently", self.rows, self.different)


def log10_evidence(counts: AgreementCounts, minimum_agreement: float) -> float:
    """Return the evidence, as log10, that the versions agree on fewer rows than they must."""
    if not 0 < minimum_agreement < 1:
        raise ValueError(
            f"minimumAgreement: {minimum_agreement} is no share between 0 and 1; 0.9 allows one row in ten"
        )
    bound = 1 - minimum_agreement
    alternatives = [bound + part * minimum_agreement for part in _PARTS]
    return evidence.for_ratio(counts.rows, counts.different, bound, alternatives)


def disagrees(counts: AgreementCounts, minimum_agreement: float) -> bool:
    """Return whether the evidence suffices to refuse the version."""
    return log10_evidence(counts, minimum_agreement) >= THRESHOLD
