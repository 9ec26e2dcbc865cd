"""Personalize's control plane: existing resources, desired resources, and one pass from the former to the latter.

May import: storage.
"""
