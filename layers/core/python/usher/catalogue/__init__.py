"""What the API knows of a group's items and users.

May import: datasets, formats, runs, storage.
"""
