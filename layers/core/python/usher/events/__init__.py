"""Events of users: accepted, sent to Personalize, and kept.

May import: formats, serving, storage.
"""
