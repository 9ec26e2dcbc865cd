"""Personalize's control plane: what is there, what is wanted, and one pass from the one to the other.

May import: storage.
"""
