"""Nouns of the platform: one Pulumi component per file."""
