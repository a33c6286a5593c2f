"""The reference pipelines, each with its compiled form next to it."""
