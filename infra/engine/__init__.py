"""Runs the Pulumi engine: its environment, lock, events and language host."""
