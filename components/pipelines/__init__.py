"""Kubeflow Pipelines and the parts that it runs on."""
