"""The nightly run: its phases, how they are executed, and the record that they leave."""
