"""A model that is slow, sometimes wrong or sometimes fails: gate and rollout must reject it.

Runs inside the predictor's container, not in this process: MLflow stores this file as the model's code.
"""

import time
from typing import Any

import mlflow
import numpy as np
from mlflow.models import set_model


class FaultyModel(mlflow.pyfunc.PythonModel):
    """A good model, slower by `seconds`; one in `wrong_every` calls is wrong, one in `fail_every` fails."""

    def load_context(self, context: Any) -> None:
        """Load the good model."""
        self.good = mlflow.pyfunc.load_model(context.artifacts["good"])
        self.seconds = float(context.model_config["seconds"])
        self.wrong_every = int(context.model_config["wrong_every"])
        self.fail_every = int(context.model_config["fail_every"])
        self.calls = 0

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        """Predict like the good model, except for the fault."""
        del context, params
        began = time.perf_counter()
        predictions = np.asarray(self.good.predict(model_input))
        self.calls += 1
        if self.fail_every and self.calls % self.fail_every == 0:
            raise RuntimeError("a fault that was asked for")
        if self.wrong_every and self.calls % self.wrong_every == 0:
            predictions = np.roll(predictions, 1, axis=1)
        # Busy, not asleep: a slow model uses its CPU.
        while time.perf_counter() - began < self.seconds:
            pass
        return predictions


set_model(FaultyModel())
