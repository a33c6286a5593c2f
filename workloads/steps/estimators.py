"""The models that the reference pipeline trains, with everything that raw columns need inside them.

Embedded in the step that trains, with the modules that it imports from here.
"""

# scikit-learn and mlflow ship no complete types.
# pyright: basic, reportPrivateImportUsage=false

from typing import Any

from workloads.steps.csv_table import Survey

_SHARE = 0.3
_MOST_HELD_BACK_CELLS = 1_500_000


def held_back_share(found: Survey) -> float | int:
    """Return the share of the rows that training never sees; of a large table, their number."""
    most = _MOST_HELD_BACK_CELLS // (len(found.features) + found.classes)
    return _SHARE if _SHARE * found.rows <= most else max(most, 2 * found.classes, 10)


def estimator_for(found: Survey, regularization: float) -> Any:
    """Return an untrained model that takes the columns as they are in the file."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if found.task == "regression":
        last = Ridge(alpha=1.0 / regularization)
    else:
        last = LogisticRegression(C=regularization, max_iter=1000)
    return make_pipeline(StandardScaler() if found.is_matrix else _encoder(found), last)


def signature_for(found: Survey, classes: int) -> Any:
    """Return the signature of the model: one matrix if the table is one, otherwise a column per feature."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec

    width = (-1,) if found.task == "regression" else (-1, classes)
    outputs = Schema([TensorSpec(np.dtype("float64"), width)])
    if found.is_matrix:
        # One array in, one array out: enforcing a signature of columns costs several times the prediction.
        return ModelSignature(
            inputs=Schema([TensorSpec(np.dtype("float64"), (-1, len(found.features)))]), outputs=outputs
        )
    types = {"number": DataType.double, "boolean": DataType.boolean, "text": DataType.string}
    columns: Any = [
        ColSpec(types[each.kind], name=each.name, required=not each.missing) for each in found.features
    ]
    return ModelSignature(inputs=Schema(columns), outputs=outputs)


def _encoder(found: Survey) -> Any:
    """Return what makes numbers of the columns; a text that training never saw is none of the known ones."""
    import numpy as np
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    number = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler()
    )
    missing: Any = (np.nan, None)
    # A client's null arrives as None or as NaN, by protocol and version of pandas.
    text = make_pipeline(
        *(
            SimpleImputer(missing_values=each, strategy="constant", fill_value="", keep_empty_features=True)
            for each in missing
        ),
        OneHotEncoder(handle_unknown="ignore"),
    )
    encoders = {"number": number, "text": text, "boolean": OneHotEncoder(handle_unknown="ignore")}
    names = {kind: [each.name for each in found.features if each.kind == kind] for kind in encoders}
    return ColumnTransformer(
        [(kind, encoder, names[kind]) for kind, encoder in encoders.items() if names[kind]]
    )
