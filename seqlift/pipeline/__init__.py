"""The order of work: regions are read, explained and written, a batch at a time.

The only folder that knows all the others, and the only one with threads.
"""
