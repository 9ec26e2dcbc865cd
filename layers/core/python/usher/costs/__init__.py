"""Estimates of a plan's costs, and their limits.

May import: config, resources, storage.
"""
