"""Who calls the HTTP API, and what they may do there.

May import: storage.
"""
