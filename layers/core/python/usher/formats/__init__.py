"""Documents and texts from outside, read within limits.

May import: nothing.
"""
