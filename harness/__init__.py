"""The harness: tests every promise of a running platform, measures the platform, and injects faults."""
