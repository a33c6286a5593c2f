"""The process: its packages, its server, and the models that it holds."""
