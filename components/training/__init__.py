"""Training on several nodes: Kubeflow Trainer, JobSet, and what a namespace of runs needs for them."""
