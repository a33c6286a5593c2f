"""Recorded requests: pulled from the pods of models, kept for a while, and stored."""
