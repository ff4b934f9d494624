"""Forms of `seqlift export --to`, a file each, by whose name it is found.

A form has `ENDINGS`, the ends of its files' names, and ``write(scores, paths, report)``, which may
take ``overlap``. The first line of its docstring is its help.
"""
