"""How multipliers propagate back: the backward pass, what a rule is, and the mathematics of it.

Knows graphs and arrays; knows nothing of which rules or methods there are.
"""
