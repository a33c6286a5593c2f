"""What the workload image lacks for sentence embeddings, in the versions of the runtime that serves them."""

from typing import Final

PACKAGES: Final = (
    "flatbuffers==25.12.19",
    "ml-dtypes==0.6.0",
    "onnx==1.23.2",
    "onnxruntime==1.32.0",
    "tokenizers==0.23.3",
)
INSTALLED: Final = ["--no-deps", *PACKAGES]
"""For `packages_to_install` of a step, which hands it to pip as it stands.

Without the packages' own requirements: the image has what is used of them, in versions that kfp pins.
"""
