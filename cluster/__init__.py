"""Gives a kubeconfig: a native single-node cluster of supervised processes, kind, or an existing cluster."""
