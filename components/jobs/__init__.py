"""Programs that run once in a pod, mounted from a ConfigMap into an image with their dependencies."""
