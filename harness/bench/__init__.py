"""Benchmark on an instance of its own: memory, seconds and requests per second."""
