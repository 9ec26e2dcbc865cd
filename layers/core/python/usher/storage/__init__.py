"""The bucket and the table: where things are, and how they are read and written.

May import: nothing.
"""
