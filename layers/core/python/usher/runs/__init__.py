"""Runs: one at a time per group, each with a record; notifications and metrics.

May import: formats, reports, resources, storage.
"""
