"""What serves a model: inference services as dicts, where their files lie, and how they are asked."""
