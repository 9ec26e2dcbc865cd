"""Comparison of models on interactions that were held out of the training.

May import: batch, config, costs, datasets, formats, planning, reports, resources, runs, serving, storage.
"""
