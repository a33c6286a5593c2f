"""Locust users: each performs the operations of one part of the platform when they are due."""
