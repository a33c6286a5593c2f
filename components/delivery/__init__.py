"""Delivery of model versions: the definition of rollouts, and the controller that carries them out."""
