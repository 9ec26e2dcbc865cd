"""Recommendations for many users at once, as files and in the table.

May import: batch, config, costs, datasets, formats, resources, runs, serving, storage.
"""
