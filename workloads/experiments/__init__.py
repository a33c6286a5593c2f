"""Searches as experiments of Katib: what one is, what its trials do, how a search waits."""
