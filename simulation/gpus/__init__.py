"""The simulated GPU tier: KWOK nodes behind the real scheduler, Kueue and Karpenter."""
