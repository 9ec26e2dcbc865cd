"""The HTTP API.

May import: access, catalogue, datasets, filters, formats, storage.
"""
