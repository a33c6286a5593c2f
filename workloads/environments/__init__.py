"""Platforms of one company as stages of a model's life: what is proven on one is served on the next."""
