"""The HTTP API.

May import: formats, storage.
"""
