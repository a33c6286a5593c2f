"""Locust users, one per part of the platform: each performs operations when they are due."""
