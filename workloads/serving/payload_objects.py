"""Recorded requests in the object store: where they are, and what is in them.

The bucket `PAYLOADS_BUCKET` has an object for each batch that the delivery controller pulls from one pod:

    NAMESPACE/MODEL/vN/yyyy/mm/dd/hh/POD-SEQ.jsonl.gz

NAMESPACE is that of the models, N the version that answered. The hour is in UTC, and of the pull: a line may
be some seconds older, and older still if the store was away. POD is the id of the predictor's process, SEQ
ten digits that grow with each batch of it, so that names are in the order of answers within POD and hour.
Readers look at nothing but the part before POD. Next to the versions of a model is the folder `labels`, with
what users say is right (`workloads.retraining.labelled_rows`).

Each object is gzipped JSON lines, one for each request, in the form of SageMaker's data capture, as the
predictor writes it (`images/serving-runtime/predictor/monitoring.py`):

    {"captureData": {"endpointInput": {"observedContentType": "application/json", "mode": "INPUT",
                                       "data": "<JSON text>", "encoding": "JSON"},
                     "endpointOutput": {"observedContentType": "application/json", "mode": "OUTPUT",
                                        "data": "<JSON text>", "encoding": "JSON"}},
     "eventMetadata": {"eventId": "<x-request-id>", "inferenceTime": "2026-11-30T12:00:00.000Z"},
     "eventVersion": "0"}

The input's text is `{"dataframe_split": {"columns": [...], "data": [[...], ...]}}` without excluded features,
or `{"instances": [[...], ...]}` of a model whose features have no names. A request that names the unit of an
experiment (`workloads.serving.experiment_request`) has `"customAttributes": ["unit=<hex digest>"]` in its
metadata too. The output's text is what the caller
got, byte for byte: `{"predictions": [...]}` of the v1 protocol and of /invocations, or `{"outputs": [...]}`
of v2; a binary answer of v2 has the encoding BASE64. A batch whose storing could not be confirmed is stored
again, under another name: who counts lines goes by `eventId`.
"""

from datetime import datetime

SUFFIX = ".jsonl.gz"


def folder(namespace: str, model_name: str = "", version: str = "") -> str:
    """Return what the keys of a namespace, a model or a version of it begin with; it ends with a slash."""
    parts = [namespace, *([model_name] if model_name else []), *([f"v{version}"] if version else [])]
    return "/".join(parts) + "/"


def hour_folder(namespace: str, model_name: str, version: str, when: datetime) -> str:
    """Return what the keys of an hour begin with; `when` is in UTC, and the folder ends with a slash."""
    return f"{folder(namespace, model_name, version)}{when:%Y/%m/%d/%H}/"


def key(namespace: str, model_name: str, version: str, when: datetime, process: str, sequence: int) -> str:
    """Return the key of a batch.

    Args:
        namespace: Of the models.
        model_name: The model.
        version: The version that answered.
        when: When it was pulled, in UTC.
        process: Id of the predictor's process.
        sequence: Number of its last request there.
    """
    hour = hour_folder(namespace, model_name, version, when)
    return f"{hour}{process}-{sequence:010}{SUFFIX}"
