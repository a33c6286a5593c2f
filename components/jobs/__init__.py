"""Programs that run once, in a pod: mounted from a ConfigMap into an image that has what they import."""
