"""The harness: proves every promise on a running platform, measures it, and breaks it on purpose."""
