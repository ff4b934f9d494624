"""One file per rule: `NAME.py` holds the rule `name` as ``RULE``, next to its equation.

The first line of a file's docstring is its line of help. `genomics` chooses between two rules.
"""
