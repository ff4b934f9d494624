"""The page of `seqlift report`: figures of score files, as one file that opens offline.

Knows score files, HTML and SVG; knows nothing of models. Nothing in a page comes from elsewhere,
and nothing that a score file says is taken for HTML.
"""
