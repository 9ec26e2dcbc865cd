"""The callers of the HTTP API, and their rights.

May import: storage.
"""
