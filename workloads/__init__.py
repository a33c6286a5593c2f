"""Steps, pipelines and model serving that run on any platform, given its Endpoints."""
