"""The steps of the reference pipelines, one per file.

Kubeflow runs the text of each function alone: whatever a step needs stands inside it.
A fault of the input is a ValueError whose text, one line, becomes the reason of the failed pipeline run.
"""

from typing import Final

WORKLOAD_IMAGE: Final = "plinth/workload"
"""Stands for the image of the steps until a pipeline is submitted to a platform."""
