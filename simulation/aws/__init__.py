"""AWS without a cloud: a simulated provider for the real engine, and what is proven with it."""
