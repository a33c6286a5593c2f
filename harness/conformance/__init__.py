"""Strangers' clients and pipelines, unmodified, with no setting but an address."""
