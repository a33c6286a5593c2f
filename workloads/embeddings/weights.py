"""Weights in a file of the safetensors format: a header in JSON, and the bytes of each tensor behind it.

Embedded in the step that logs the model, so it imports nothing of this repository.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

_TYPES = {"F32": "<f4", "F16": "<f2", "I64": "<i8"}


def read_weights(file: Path) -> dict[str, Any]:
    """Return the tensors of a file by name, floating-point ones in single precision.

    Raises:
        ValueError: the file ends too early, or has tensors of another type; one line.
    """
    content = file.read_bytes()
    begins = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:begins])
    tensors = {}
    for name, each in header.items():
        if name == "__metadata__":
            continue
        if each["dtype"] not in _TYPES:
            raise ValueError(f"{file.name}: {name} is {each['dtype']}; give weights in F32 or F16")
        first, last = (begins + place for place in each["data_offsets"])
        if last > len(content):
            raise ValueError(f"{file.name}: ends before {name} does; download it again")
        found = np.frombuffer(content[first:last], _TYPES[each["dtype"]]).reshape(each["shape"])
        tensors[name] = found if found.dtype.kind == "i" else found.astype("float32", copy=False)
    return tensors
