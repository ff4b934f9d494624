"""Score files in a genome browser: a page of igv.js, or of letters where that is not at hand.

Knows score files, their tracks and the pages of `seqlift.plots`; knows nothing of models.
"""
