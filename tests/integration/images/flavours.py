"""Runs in the environment of one family: saves a model of each flavour, and compares what is served with it.

`python flavours.py FAMILY FOLDER` prints one line of JSON per model: its name, and whether each protocol
answered bit for bit what the model in memory answers.
"""

# Only the environments of the families have these packages.
# pyright: basic, reportMissingImports=false, reportPrivateImportUsage=false

import json
import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from predictor import codec, served_model
from sklearn.datasets import load_wine

from tests.fixtures import encoders
from workloads.embeddings import sentence_model
from workloads.embeddings.encoder_graph import Encoder, Shape, to_onnx

WINE: Any = load_wine(as_frame=True)
TARGET = WINE.target
# A column of whole numbers next to fractions, as most tables have.
FRAME = WINE.data.assign(proline=WINE.data["proline"].astype(int))


def compare(name, folder, expected, rows, tensors):
    """Print whether a saved model, loaded by the predictor, answers what is expected."""
    model = served_model.load(name, folder)
    v1 = json.loads(codec.answer_v1(model, json.dumps({"instances": rows}).encode()))["predictions"]
    reply: Any = codec.answer_v2(model, json.dumps({"inputs": tensors}).encode())
    v2 = json.loads(reply)["outputs"][0]["data"]
    if isinstance(v1, dict):
        (v1,) = v1.values()
    same = [np.ravel(each).astype(expected.dtype).tobytes() == expected.tobytes() for each in (v1, v2)]
    print(json.dumps({"model": name, "v1": same[0], "v2": same[1]}), flush=True)


def compare_frame(name, folder, expected):
    """Compare a model of `FRAME`, asked with one tensor per column."""
    tensors = [
        {
            "name": column,
            "datatype": "INT64" if FRAME[column].dtype.kind == "i" else "FP64",
            "shape": [len(FRAME)],
            "data": FRAME[column].tolist(),
        }
        for column in FRAME
    ]
    compare(name, folder, np.asarray(expected), FRAME.to_dict(orient="records"), tensors)


def boosting(parent):
    """XGBoost and LightGBM, by scikit-learn's interface and by their own."""
    import lightgbm
    import xgboost

    classifier = xgboost.XGBClassifier(n_estimators=10).fit(FRAME, TARGET)
    regressor = lightgbm.LGBMRegressor(n_estimators=10, verbose=-1).fit(FRAME, TARGET)
    for name, flavor, model in (
        ("xgboost-classifier", mlflow.xgboost, classifier),
        ("lightgbm-regressor", mlflow.lightgbm, regressor),
        ("lightgbm-booster", mlflow.lightgbm, regressor.booster_),
    ):
        expected = model.predict(FRAME)
        signature = infer_signature(FRAME, expected)
        flavor.save_model(model, str(parent / name), signature=signature, pip_requirements=["mlflow"])
        compare_frame(name, parent / name, expected)
    matrix = xgboost.DMatrix(FRAME, TARGET)
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3}, matrix, 10)
    expected = booster.predict(matrix)
    folder = parent / "xgboost-booster"
    mlflow.xgboost.save_model(
        booster, str(folder), signature=infer_signature(FRAME, expected), pip_requirements=["mlflow"]
    )
    compare_frame(folder.name, folder, expected)


def onnx(parent):
    """A network of one layer, with a named input and output of single precision."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(0)
    weights = generator.normal(size=(13, 3)).astype("float32")
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "weights"], ["h"]),
            helper.make_node("Softmax", ["h"], ["p"], axis=1),
        ],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 13])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, [None, 3])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    rows = (FRAME.to_numpy() / 100).astype("float32")
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"x": rows})
    signature = ModelSignature(
        Schema([TensorSpec(np.dtype("float32"), (-1, 13), "x")]),
        Schema([TensorSpec(np.dtype("float32"), (-1, 3), "p")]),
    )
    folder = parent / "onnx"
    mlflow.onnx.save_model(model, str(folder), signature=signature, pip_requirements=["mlflow"])
    tensor = {"name": "x", "datatype": "FP32", "shape": list(rows.shape), "data": rows.ravel().tolist()}
    compare(folder.name, folder, expected, [{"x": row} for row in rows.tolist()], [tensor])


def sentences(parent):
    """A small sentence encoder, exported and stored as the pipeline `embed` does; its oracle is numpy."""
    source = parent / "source"
    source.mkdir()
    weights = encoders.random_weights()
    shape = Shape.of_config(encoders.CONFIG)
    (source / "model.onnx").write_bytes(to_onnx(Encoder(shape, weights).build(), shape.width))
    (source / "tokenizer.json").write_text(encoders.tokenizer_file())
    (source / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": encoders.LONGEST}))
    texts = ["A man is eating food", "a horse", "", "bread a man", "a man is riding a horse a man", "a horse"]
    folder = parent / "sentences"
    mlflow.pyfunc.save_model(
        str(folder),
        loader_module="sentence_model",
        data_path=str(source),
        code_paths=[sentence_model.__file__],
        signature=ModelSignature(
            Schema([ColSpec(DataType.string, "text")]),
            Schema([TensorSpec(np.dtype("float32"), (-1, shape.width))]),
        ),
        pip_requirements=["mlflow"],
    )
    expected = sentence_model.SentenceModel(source).predict({"text": texts})
    exact = np.array([encoders.vector_of(encoders.tokens_of(text), weights) for text in texts])
    off = float(np.abs(expected - exact).max())
    if not off < 1e-6:
        raise AssertionError(f"vectors differ by {off} from those of numpy")
    tensor = {"name": "text", "datatype": "BYTES", "shape": [len(texts)], "data": texts}
    compare(folder.name, folder, expected, [{"text": text} for text in texts], [tensor])


def onnx_and_sentences(parent):
    """What the runtime of ONNX serves."""
    onnx(parent)
    sentences(parent)


if __name__ == "__main__":
    {"boosting": boosting, "onnx": onnx_and_sentences}[sys.argv[1]](Path(sys.argv[2]))
