"""The code that is stored with a model; tests/integration/images runs it with the packages of its runtime."""

import ast
import inspect
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.fixtures import encoders
from workloads.embeddings import sentence_model
from workloads.embeddings.sentence_model import SentenceModel


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SentenceModel:
    for name, module in encoders.stand_in_modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    (tmp_path / "model.onnx").write_bytes(b"")
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "sentence_bert_config.json").write_text(f'{{"max_seq_length": {encoders.LONGEST}}}')
    return SentenceModel(tmp_path)


def frame(*texts: object) -> Any:
    return pd.DataFrame({"text": pd.Series(texts, dtype=object)})


def test_each_text_gets_its_own_vector_in_the_order_of_the_rows(model: SentenceModel) -> None:
    texts = ["a man is eating", "food", "a horse", "bread", "a man is riding a horse a horse"]
    found = model.predict(frame(*texts))
    weights = encoders.random_weights()
    wanted = [encoders.vector_of(encoders.tokens_of(text), weights) for text in texts]
    assert found.dtype == np.dtype("float32")
    assert np.abs(found - wanted).max() < 1e-6
    # The last is cut off at the first one's length.
    assert sorted(encoders.StandInSession.batches) == [(1, 4), (2, 3), (2, 6)]


def test_many_texts_are_encoded_in_parts(model: SentenceModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence_model, "_MOST_TOKENS", 7)
    found = model.predict(frame(*["food"] * 5))
    assert encoders.StandInSession.batches == [(2, 3), (2, 3), (1, 3)]
    assert all(np.array_equal(each, found[0]) for each in found)


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_row_without_a_text_is_refused(model: SentenceModel, missing: object) -> None:
    with pytest.raises(ValueError, match=r"^row 1 has no text: send an empty one, or leave the row out$"):
        model.predict(frame("food", missing))


def test_it_imports_nothing_that_the_serving_runtime_lacks() -> None:
    tree = ast.parse(inspect.getsource(sentence_model))
    names = {each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names == {"json", "pathlib", "typing", "numpy", "onnxruntime", "tokenizers"}
