"""The Pulumi engine as our commands run it: its environment, lock, events and language host."""
