"""The graph of an encoder, run node by node, against BERT written down in numpy."""

# Arrays of many shapes.
# pyright: basic

import math
from typing import Any

import numpy as np
import pytest

from tests.fixtures import encoders
from workloads.embeddings.encoder_graph import MASK, TOKENS, VECTORS, Encoder, Graph, Shape

_ERF = np.vectorize(math.erf)
SHAPE = Shape.of_config(encoders.CONFIG)


def _layer_norm(x: Any, scale: Any, bias: Any, *, axis: int, epsilon: float) -> Any:
    centred = x - x.mean(axis=axis, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=axis, keepdims=True) + epsilon) * scale + bias


def _softmax(x: Any, *, axis: int) -> Any:
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


# What ONNX says of each operator, as far as the graph uses it.
OPERATORS: dict[str, Any] = {
    "Add": np.add,
    "Cast": lambda x, to_type: x.astype(to_type),
    "Div": np.divide,
    "Gather": lambda x, at, axis: np.take(x, at, axis=axis),
    "Gelu": lambda x: x * (1 + _ERF(x / math.sqrt(2))) / 2,
    "LayerNormalization": _layer_norm,
    "LpNormalization": lambda x, axis, p: x / np.linalg.norm(x, ord=p, axis=axis, keepdims=True),
    "MatMul": np.matmul,
    "Mul": np.multiply,
    "ReduceSum": lambda x, axes, keepdims: x.sum(axis=tuple(axes), keepdims=bool(keepdims)),
    "Reshape": lambda x, to: x.reshape([x.shape[at] if n == 0 else n for at, n in enumerate(to)]),
    "Shape": lambda x, start, end: np.array(x.shape[start:end]),
    "Slice": lambda x, first, last: x[first[0] : last[0]],
    "Softmax": _softmax,
    "Sub": np.subtract,
    "Transpose": lambda x, perm: x.transpose(perm),
    "Unsqueeze": lambda x, axes: np.expand_dims(x, tuple(axes)),
}


def run(graph: Graph, tokens: Any, mask: Any) -> Any:
    values = {**graph.constants, TOKENS: tokens, MASK: mask}
    for node in graph.nodes:
        values[node.output] = OPERATORS[node.kind](*(values[name] for name in node.inputs), **node.attributes)
    return values[VECTORS]


def test_vectors_are_those_of_bert_in_numpy() -> None:
    weights = encoders.random_weights()
    tokens = np.array([[2, 4, 5, 6, 3], [2, 9, 9, 11, 3]])
    found = run(Encoder(SHAPE, weights).build(), tokens, np.ones_like(tokens))
    wanted = [encoders.vector_of(row, weights) for row in tokens.tolist()]
    assert np.abs(found - wanted).max() < 1e-6
    assert np.linalg.norm(found, axis=1) == pytest.approx(1)


def test_what_is_masked_has_no_effect() -> None:
    weights = encoders.random_weights()
    graph = Encoder(SHAPE, weights).build()
    filled = np.array([[2, 4, 5, 3, 0, 0], [2, 4, 5, 3, 7, 8]])
    found = run(graph, filled, np.array([[1, 1, 1, 1, 0, 0]] * 2))
    wanted = encoders.vector_of([2, 4, 5, 3], weights)
    assert np.abs(found - wanted).max() < 1e-6


def test_every_input_of_a_node_is_made_before_it() -> None:
    graph = Encoder(SHAPE, encoders.random_weights()).build()
    known = {TOKENS, MASK, *graph.constants}
    for node in graph.nodes:
        assert known >= {*node.inputs}, node
        assert node.output not in known
        known.add(node.output)
    assert VECTORS in known


@pytest.mark.parametrize(
    ("key", "value"),
    [("model_type", "roberta"), ("hidden_act", "relu"), ("position_embedding_type", "relative_key")],
)
def test_another_kind_of_encoder_is_refused(key: str, value: str) -> None:
    with pytest.raises(ValueError, match=rf"^config\.json: {key} is '{value}', not '\w+'; give another"):
        Shape.of_config({**encoders.CONFIG, key: value})
