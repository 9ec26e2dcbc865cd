"""Readers of documents and texts from outside, with limits.

May import: nothing.
"""
