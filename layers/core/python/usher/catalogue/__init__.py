"""The API's copy of a group's items and users, in the table.

May import: datasets, formats, runs, storage.
"""
