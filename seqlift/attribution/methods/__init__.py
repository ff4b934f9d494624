"""One file per attribution method: ``NAME.py`` has a function ``method(**options)``.

The name, its line of help and its options are those of the file, its docstring and the function.
"""
