"""Alerts of drift begin pipeline runs that train a model again: one for each alert, and not too many."""
