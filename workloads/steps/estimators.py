"""The models that the reference pipeline trains, with everything that raw columns need inside them.

Embedded in the step that trains, with the modules that it imports from here.
"""

# scikit-learn and mlflow ship no complete types.
# pyright: basic, reportPrivateImportUsage=false

from collections.abc import Mapping
from typing import Any

from workloads.steps.csv_table import Survey

_SHARE = 0.3
_MOST_HELD_BACK_CELLS = 1_500_000


def held_back_share(found: Survey) -> float | int:
    """Return the share of the rows that training never sees; of a large table, their number."""
    most = _MOST_HELD_BACK_CELLS // (len(found.features) + found.classes)
    return _SHARE if _SHARE * found.rows <= most else max(most, 2 * found.classes, 10)


def split(found: Survey, labels: Any, seed: int) -> tuple[Any, Any]:
    """Return the places of the rows that a model is fitted on, and of those that training never sees."""
    import numpy as np
    from sklearn.model_selection import train_test_split

    # Places instead of rows: the table is copied once, not twice.
    fitted, rest = train_test_split(
        np.arange(found.rows),
        test_size=held_back_share(found),
        random_state=seed,
        stratify=None if found.task == "regression" else labels,
    )
    return fitted, rest


def estimator_for(
    found: Survey,
    regularization: float,
    family: str = "linear",
    seed: int = 0,
    parameters: Mapping[str, float] | None = None,
) -> Any:
    """Return an untrained model that takes the columns as they are in the file.

    Args:
        found: What is known of the table.
        regularization: Inverse regularization strength.
        family: One of `FAMILIES`.
        seed: Selects whatever the model draws.
        parameters: Parameters of the family that differ from its defaults, by the library's names; a
            regularization among them replaces the other.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    chosen = dict(parameters or {})
    regularization = chosen.pop("regularization", regularization)
    models = {"linear": _linear, "random_forest": _forest, "xgboost": _xgboost, "lightgbm": _lightgbm}
    last = models[family](found.task == "regression", regularization, seed, chosen)
    return make_pipeline(StandardScaler() if found.is_matrix else _encoder(found), last)


def trusted_types(found: Survey, family: str) -> list[str] | None:
    """Return the types that reading the model back needs, besides those that every model may have."""
    task = "Regressor" if found.task == "regression" else "Classifier"
    types = {
        "random_forest": ["sklearn.tree._tree.Tree"],
        "xgboost": ["sklearn.utils._bunch.Bunch", "xgboost.core.Booster", f"xgboost.sklearn.XGB{task}"],
        "lightgbm": [
            "collections.OrderedDict",
            "lightgbm.basic.Booster",
            f"lightgbm.sklearn.LGBM{task}",
        ],
    }.get(family, [])
    # A type of column, which the encoders and the forests keep.
    return ["numpy.dtype", *types] if types or not found.is_matrix else None


def _linear(is_regression: bool, regularization: float, _: int, __: Mapping[str, float]) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    if is_regression:
        return Ridge(alpha=1.0 / regularization)
    return LogisticRegression(C=regularization, max_iter=1000)


def _forest(is_regression: bool, _: float, seed: int, chosen: Mapping[str, float]) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestRegressor if is_regression else RandomForestClassifier
    # Without a bound, trees grow with the rows, until the model is larger than what serves it.
    defaults = {"n_estimators": 100, "max_leaf_nodes": 1000}
    return kind(random_state=seed, n_jobs=1, **{**defaults, **chosen})


def _xgboost(is_regression: bool, regularization: float, seed: int, chosen: Mapping[str, float]) -> Any:
    from sklearn.ensemble import VotingClassifier, VotingRegressor
    from xgboost import XGBClassifier, XGBRegressor

    kind = XGBRegressor if is_regression else XGBClassifier
    defaults = {"n_estimators": 100, "reg_lambda": 1.0 / regularization}
    model = kind(random_state=seed, n_jobs=1, **{**defaults, **chosen})
    # It takes numbers for classes and answers in single precision. The vote of one, with a weight in double,
    # gives the names back and the same values in double precision, as every other family answers.
    if is_regression:
        return VotingRegressor([("xgboost", model)], weights=[1.0])
    return VotingClassifier([("xgboost", model)], voting="soft", weights=[1.0])


def _lightgbm(is_regression: bool, regularization: float, seed: int, chosen: Mapping[str, float]) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMRegressor if is_regression else LGBMClassifier
    defaults = {"n_estimators": 100, "reg_lambda": 1.0 / regularization}
    return kind(
        random_state=seed,
        n_jobs=1,
        # Otherwise a race decides which way of counting is faster, and the last digit of the sums.
        deterministic=True,
        force_row_wise=True,
        verbose=-1,
        **{**defaults, **chosen},
    )


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
