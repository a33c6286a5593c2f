"""The way into the cluster."""
