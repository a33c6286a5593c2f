"""What steps install."""

from components import versions
from workloads.embeddings.packages import INSTALLED, PACKAGES


def test_steps_install_what_the_serving_runtime_has_in_addition_to_the_workload_image() -> None:
    served = versions.image_packages("serving-runtime-onnx")
    own = {name for name in served if name not in versions.image_packages("serving-runtime")}
    assert own >= {"onnx", "onnxruntime", "tokenizers"}
    assert [*PACKAGES] == sorted(f"{name}=={served[name]}" for name in own)


def test_nothing_of_the_image_is_replaced() -> None:
    assert ["--no-deps", *PACKAGES] == INSTALLED
