"""Training and inference: data for the models, the process that fits them, and the lists made from their scores.

May import: core, data, filters.
"""
