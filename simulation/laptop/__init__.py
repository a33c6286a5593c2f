"""The platform without a cluster: MLflow and one model server as processes, and a stand-in for KServe."""
