"""In-cluster alternatives to managed services of a cloud."""
