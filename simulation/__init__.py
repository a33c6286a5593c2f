"""Stand-ins for AWS and GPU nodes, which a test machine does not have."""
