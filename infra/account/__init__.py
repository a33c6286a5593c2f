"""An AWS account, as far as a stack needs it: preflight, quotas, prices and cost."""
