"""Passes over a run's plan: each does what can be done now, and says when the next one is worthwhile.

May import: access, catalogue, costs, exports, planning, resources, runs, serving, storage.
"""
