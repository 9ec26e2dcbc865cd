"""A dataset's files: read, profiled and checked.

May import: formats, storage.
"""
