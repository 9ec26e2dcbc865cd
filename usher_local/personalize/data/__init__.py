"""The records of a dataset group: interactions, and the tables of items, users and actions.

May import: core.
"""
