"""Settings of a stack: their records, the rules across them, and the only reader of configuration."""
