"""Databases on RDS: servers, their authorities and logs, and the databases in them."""
