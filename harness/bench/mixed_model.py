"""A model of numbers, texts and booleans with missing values; trained inside the predictor's container.

Not imported by this process: `python mixed_model.py MODEL_FOLDER` saves the model with its signature, and
`request.json` with one row.
"""

# pyright: basic, reportMissingImports=false, reportPrivateImportUsage=false
import json
import shutil
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

shutil.rmtree(sys.argv[1], ignore_errors=True)
rows = 200
table = pd.DataFrame(
    {
        "size": [None if at % 9 == 4 else at * 0.25 for at in range(rows)],
        "weight": [float(at % 7) for at in range(rows)],
        "rooms": np.arange(rows) % 5,
        "colour": [("red", "green", "blue")[at % 3] for at in range(rows)],
        "district": [f"district-{at % 11}" for at in range(rows)],
        "new": [at % 2 == 0 for at in range(rows)],
    }
)
columns = make_column_transformer(
    (SimpleImputer(), ["size", "weight", "rooms"]),
    (OneHotEncoder(handle_unknown="ignore"), ["colour", "district", "new"]),
)
model = make_pipeline(columns, LogisticRegression(max_iter=500)).fit(table, np.arange(rows) // 3 % 2)
signature = mlflow.models.infer_signature(table, model.predict_proba(table))
mlflow.sklearn.save_model(
    model,
    sys.argv[1],
    signature=signature,
    pyfunc_predict_fn="predict_proba",
    serialization_format="cloudpickle",
)
request = {"dataframe_split": json.loads(str(table[:1].to_json(orient="split", index=False)))}
Path(sys.argv[1], "request.json").write_text(json.dumps(request))
