"""Fault injection: faults on the platform that alerts must report, and model versions that the gate must refuse."""
