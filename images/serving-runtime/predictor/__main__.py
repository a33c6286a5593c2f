"""Serves the MLflow models in a folder: `python -m predictor --model_name NAME --model_dir FOLDER`."""

from predictor.process import lazy_packages

# A tenth of the process's memory: a client of the Kubernetes API, judges of generated text.
for package in ("kserve", "mlflow.genai"):
    lazy_packages.postpone(package)

from predictor.process.server import main  # noqa: E402 - it imports them

if __name__ == "__main__":
    main()
