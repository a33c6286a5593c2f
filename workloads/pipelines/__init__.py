"""The reference pipelines, each with its compiled form beside it."""
