"""Pages and charts. Pure.

May import: nothing.
"""
