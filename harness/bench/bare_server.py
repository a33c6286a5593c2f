"""Baseline for serving: a bare Starlette app with the same model in the same image.

Runs inside the predictor's container, not in this process: `python bare_server.py MODEL_FOLDER PORT`.
"""

# pyright: reportMissingImports=false
import json
import sys

import mlflow.pyfunc
import numpy as np
import pandas as pd
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

model = mlflow.pyfunc.load_model(sys.argv[1])


async def predict(request: Request) -> Response:
    """Return the model's predictions for the rows of a request."""
    body = json.loads(await request.body())
    if "instances" in body:
        rows = np.array(body["instances"], dtype=np.float64)
    else:
        rows = pd.DataFrame(**body["dataframe_split"])
    answer = json.dumps({"predictions": np.asarray(model.predict(rows)).tolist()})
    return Response(answer, media_type="application/json")


if __name__ == "__main__":
    app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), access_log=False, log_level="warning")
