"""A KServe model server for MLflow models: v1 and v2 protocol, exact, and strict about its input."""
