"""A network as a graph of primitives: each computes forward, and propagates multipliers back.

Knows arrays; knows nothing of Keras layers, rules or files.
"""
