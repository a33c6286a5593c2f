"""KServe and the inference services' namespace."""
