"""Training on several nodes: what a step prepares, what each node does, and how a TrainJob is watched."""
