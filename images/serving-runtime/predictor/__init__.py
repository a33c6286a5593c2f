"""A KServe model server for MLflow models: v1 and v2 protocols, exact answers, strict input checks."""
