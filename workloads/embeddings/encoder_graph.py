"""The graph of a sentence encoder: a BERT encoder, the mean over its tokens, scaled to length one.

A graph is a list of nodes until it is written as ONNX, so that it can be checked without the packages that
run one. Embedded in the step that logs the model, so it imports nothing of this repository.
"""

# onnx is a package of the step alone.
# pyright: basic, reportMissingImports=false

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

import numpy as np

OPSET = 20
"""The first one with GELU as an operator."""
IR_VERSION = 9
"""Of ONNX files with that opset."""
TOKENS, MASK, VECTORS = "input_ids", "attention_mask", "sentence_embedding"
"""Names of both inputs and of the output, as exports of such models have them."""
_MASKED = -1e9


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The sizes of an encoder."""

    layers: int
    heads: int
    width: int
    epsilon: float
    """Of its layer normalisations."""

    @classmethod
    def of_config(cls, config: Mapping[str, Any]) -> "Shape":
        """Read the configuration of a published model.

        Raises:
            ValueError: it is no BERT encoder with absolute positions and GELU; one line.
        """
        wanted = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
        for key, value in wanted.items():
            if config.get(key, value) != value:
                raise ValueError(f"config.json: {key} is {config[key]!r}, not {value!r}; give another model")
        return cls(
            layers=int(config["num_hidden_layers"]),
            heads=int(config["num_attention_heads"]),
            width=int(config["hidden_size"]),
            epsilon=float(config["layer_norm_eps"]),
        )


@dataclass(frozen=True)
class Node:
    """One operation."""

    kind: str
    """Operator of ONNX."""
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any] = field(default_factory=dict)


class Graph:
    """Nodes in the order in which they run, and the constants that they read."""

    def __init__(self) -> None:
        """Begin without any."""
        self.nodes: list[Node] = []
        self.constants: dict[str, Any] = {}

    def constant(self, name: str, value: Any) -> str:
        """Add a constant and return its name."""
        self.constants[name] = value
        return name

    def add(self, kind: str, *inputs: str, to: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        output = to or f"n{len(self.nodes)}"
        self.nodes.append(Node(kind, inputs, output, attributes))
        return output


class Encoder:
    """Builds the graph of one encoder from its weights."""

    def __init__(self, shape: Shape, weights: Mapping[str, Any]) -> None:
        """Begin with an empty graph.

        Args:
            shape: Its sizes.
            weights: Its tensors by name, as PyTorch names and shapes them.
        """
        self._shape, self._weights, self._graph = shape, weights, Graph()

    def build(self) -> Graph:
        """Return the graph from tokens and mask to vectors."""
        graph = self._graph
        graph.constant("heads", np.array([0, 0, self._shape.heads, -1], dtype="int64"))
        graph.constant("joined", np.array([0, 0, self._shape.width], dtype="int64"))
        graph.constant("scale", np.float32(1 / sqrt(self._shape.width / self._shape.heads)))
        mask = graph.add("Cast", MASK, to_type="float32")
        hidden, bias = self._embedded(), self._bias(mask)
        for layer in range(self._shape.layers):
            hidden = self._layer(f"encoder.layer.{layer}", hidden, bias)
        self._pooled(hidden, mask)
        return graph

    def _embedded(self) -> str:
        graph = self._graph
        words = graph.add("Gather", self._weight("embeddings.word_embeddings.weight"), TOKENS, axis=0)
        length = graph.add("Shape", TOKENS, start=1, end=2)
        first = graph.constant("first", np.array([0], dtype="int64"))
        positions = graph.add("Slice", self._weight("embeddings.position_embeddings.weight"), first, length)
        # One text, not a pair: each of its tokens is of the first type.
        kinds = self._weights["embeddings.token_type_embeddings.weight"][0]
        added = graph.add("Add", graph.add("Add", words, positions), graph.constant("kind", kinds))
        return self._normalised(added, "embeddings.LayerNorm")

    def _bias(self, mask: str) -> str:
        """Return what is added to the scores of tokens: much less than nothing where a text has ended."""
        graph = self._graph
        absent = graph.add("Sub", graph.constant("one", np.float32(1)), mask)
        axes = graph.constant("axes_of_scores", np.array([1, 2], dtype="int64"))
        return graph.add(
            "Unsqueeze", graph.add("Mul", absent, graph.constant("masked", np.float32(_MASKED))), axes
        )

    def _layer(self, name: str, hidden: str, bias: str) -> str:
        graph = self._graph
        attention = f"{name}.attention"
        query, key, value = (
            graph.add(
                "Transpose",
                graph.add("Reshape", self._linear(hidden, f"{attention}.self.{each}"), "heads"),
                # Keys are turned around for the product with queries.
                perm=(0, 2, 3, 1) if each == "key" else (0, 2, 1, 3),
            )
            for each in ("query", "key", "value")
        )
        scores = graph.add("Mul", graph.add("MatMul", query, key), "scale")
        shares = graph.add("Softmax", graph.add("Add", scores, bias), axis=-1)
        mixed = graph.add("Transpose", graph.add("MatMul", shares, value), perm=(0, 2, 1, 3))
        attended = self._linear(graph.add("Reshape", mixed, "joined"), f"{attention}.output.dense")
        hidden = self._normalised(graph.add("Add", attended, hidden), f"{attention}.output.LayerNorm")
        wide = graph.add("Gelu", self._linear(hidden, f"{name}.intermediate.dense"))
        narrow = self._linear(wide, f"{name}.output.dense")
        return self._normalised(graph.add("Add", narrow, hidden), f"{name}.output.LayerNorm")

    def _pooled(self, hidden: str, mask: str) -> None:
        graph = self._graph
        last = graph.constant("axis_of_values", np.array([2], dtype="int64"))
        over = graph.constant("axis_of_tokens", np.array([1], dtype="int64"))
        present = graph.add("Mul", hidden, graph.add("Unsqueeze", mask, last))
        total = graph.add("ReduceSum", present, over, keepdims=0)
        count = graph.add("ReduceSum", mask, over, keepdims=1)
        graph.add("LpNormalization", graph.add("Div", total, count), to=VECTORS, axis=1, p=2)

    def _linear(self, hidden: str, name: str) -> str:
        # PyTorch keeps one row for each output.
        weight = np.ascontiguousarray(self._weights[f"{name}.weight"].T)
        product = self._graph.add("MatMul", hidden, self._graph.constant(f"{name}.weight", weight))
        return self._graph.add("Add", product, self._weight(f"{name}.bias"))

    def _normalised(self, hidden: str, name: str) -> str:
        return self._graph.add(
            "LayerNormalization",
            hidden,
            self._weight(f"{name}.weight"),
            self._weight(f"{name}.bias"),
            axis=-1,
            epsilon=self._shape.epsilon,
        )

    def _weight(self, name: str) -> str:
        return self._graph.constant(name, self._weights[name])


def to_onnx(graph: Graph, width: int) -> bytes:
    """Return a graph as the content of an ONNX file.

    Args:
        graph: The graph.
        width: Values of a vector.
    """
    from onnx import TensorProto, checker, helper, numpy_helper

    nodes = []
    for node in graph.nodes:
        attributes = dict(node.attributes)
        if attributes.pop("to_type", ""):
            attributes["to"] = TensorProto.FLOAT
        nodes.append(helper.make_node(node.kind, node.inputs, [node.output], **attributes))
    texts = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"]) for name in (TOKENS, MASK)
    ]
    vectors = helper.make_tensor_value_info(VECTORS, TensorProto.FLOAT, ["texts", width])
    constants = [numpy_helper.from_array(np.asarray(each), name) for name, each in graph.constants.items()]
    made = helper.make_model(
        helper.make_graph(nodes, "sentence-encoder", texts, [vectors], constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    checker.check_model(made, full_check=True)
    return made.SerializeToString(deterministic=True)
