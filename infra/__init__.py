"""The Pulumi program: settings -> target -> assembly -> outputs; and the engine that runs it."""
