"""Searches for parameters: Katib's controller, its store of metrics, and the namespaces of experiments."""
