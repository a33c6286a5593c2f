"""Served models: their InferenceServices, the files that they load, and a client for predictions."""
