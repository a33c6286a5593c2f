"""The entry point into the cluster."""
