"""Where a cluster comes from: native (one node of supervised processes), kind, or an existing one."""
