"""The HTTP API.

May import: datasets, formats, storage.
"""
