"""Comparison of models on interactions that were not used for their training.

May import: batch, config, costs, datasets, formats, planning, reports, resources, runs, serving, storage.
"""
