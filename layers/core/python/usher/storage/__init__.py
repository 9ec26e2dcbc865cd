"""The bucket and the table: places of objects and items, and access to them.

May import: nothing.
"""
