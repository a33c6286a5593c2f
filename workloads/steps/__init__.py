"""The steps of the reference pipelines, one per file.

Kubeflow runs the source of each function alone, so a step imports and defines everything inside its function;
modules that several steps need are embedded in front of it. Invalid input is a ValueError with one line of
text, which becomes the reason of the failed pipeline run.
"""

from typing import Final

WORKLOAD_IMAGE: Final = "plinth/workload"
"""Placeholder for the image of the steps until a pipeline is submitted to a platform."""
