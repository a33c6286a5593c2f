"""Delivery of model versions: judges a candidate, then promotes it or withdraws it."""
