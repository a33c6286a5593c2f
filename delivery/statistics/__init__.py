"""Statistics of progressive delivery: evidence from counts, in verdicts that may be looked at any time.

Each module answers one question about a new version, and its whole state is counts, which a Kubernetes status
can hold and anybody can compute the evidence from again. Evidence is a logarithm: 2.3 means that the counts
are 200 times as likely if the suspicion is true as if it is not. A suspicion that is false reaches 1 / p at
any look, ever, with probability p at most (the numbers are e-values; docs/adr/0014). Nothing here reads a
clock or the network.

Counts may also be numpy arrays, with one number for each of many streams: the evidence is an array then. That
is how the promises are measured on these very functions. The package itself does not import numpy.
"""
