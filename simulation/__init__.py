"""Stand-ins for AWS, GPU nodes and a platform, which a test machine or a laptop does not have."""
