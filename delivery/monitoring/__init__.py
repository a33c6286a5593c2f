"""Monitoring of the versions that serve: live rows against those of training."""
