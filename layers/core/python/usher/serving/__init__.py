"""The HTTP API.

May import: access, catalogue, datasets, formats, storage.
"""
