"""Rules for whole plans, each about one thing; `simulation.aws.rules` applies them."""
