"""Passes over a run's plan: each does the work that can be done now, and returns the time until the next one.

May import: access, catalogue, costs, exports, planning, resources, runs, serving, storage.
"""
