"""Quality of the versions that serve: how often labels contradict them, and how often is too often."""
