"""The HTTP API.

May import: access, formats, storage.
"""
