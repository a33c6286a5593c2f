"""Judging, promoting and rolling back model versions."""
