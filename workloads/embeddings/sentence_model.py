"""The code that is stored with a model of sentence embeddings: MLflow loads the model by this module.

It runs in the serving runtime, so it imports nothing of this repository.
"""

# tokenizers and onnxruntime are packages of the runtime and of the steps alone.
# pyright: basic, reportMissingImports=false

import json
from pathlib import Path
from typing import Any

import numpy as np

TEXT = "text"
"""Column of the input."""
GRAPH_FILE, TOKENIZER_FILE, LENGTH_FILE = "model.onnx", "tokenizer.json", "sentence_bert_config.json"
_MOST_TOKENS = 2048
"""Tokens that are encoded together: memory grows with them, and more are hardly faster."""


class SentenceModel:
    """Answers texts with vectors of length one."""

    def __init__(self, folder: Path) -> None:
        """Load the tokenizer and the graph in a folder."""
        import onnxruntime
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        longest = json.loads((folder / LENGTH_FILE).read_text())["max_seq_length"]
        self._tokenizer.enable_truncation(max_length=longest)
        # Texts of one length go together, so none is filled up.
        self._tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        # A pod may have a small part of a processor, and threads that wait for work would use it up.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(folder / GRAPH_FILE), options, providers=["CPUExecutionProvider"]
        )

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Return one vector per text.

        Args:
            data: Frame with the column `text`.
            params: None are known.

        Raises:
            ValueError: a row has no text; one line.
        """
        texts = [*data[TEXT]]
        if missing := [place for place, each in enumerate(texts) if not isinstance(each, str)]:
            raise ValueError(f"row {missing[0]} has no {TEXT}: send an empty one, or leave the row out")
        encoded = self._tokenizer.encode_batch(texts)
        by_length: dict[int, list[int]] = {}
        for place, each in enumerate(encoded):
            by_length.setdefault(len(each.ids), []).append(place)
        vectors: list[Any] = [None] * len(encoded)
        for length, places in by_length.items():
            most = max(1, _MOST_TOKENS // length)
            for at in range(0, len(places), most):
                part = places[at : at + most]
                tokens = np.array([encoded[place].ids for place in part], dtype="int64")
                inputs = {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
                for place, vector in zip(part, self._session.run(None, inputs)[0], strict=True):
                    vectors[place] = vector
        return np.array(vectors, dtype="float32")


def _load_pyfunc(path: str) -> SentenceModel:
    """Load a model for MLflow, which calls this by its name."""
    return SentenceModel(Path(path))
