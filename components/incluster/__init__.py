"""Components that run what a cloud would sell as a service inside the cluster."""
