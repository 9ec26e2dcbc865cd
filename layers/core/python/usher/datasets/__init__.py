"""A dataset's CSVs: read, profiled and checked.

May import: formats, storage.
"""
