"""Sentence embeddings: a published encoder, its graph in ONNX, and the steps that log it and judge it."""
