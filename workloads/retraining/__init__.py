"""Training a model again on what callers asked and what turned out to be true."""
