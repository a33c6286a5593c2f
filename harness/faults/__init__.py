"""Fault injection: faults that alerts must report, and candidates that the gate must reject."""
