"""Training and inference: the models' data, the process that fits them, and the lists from their scores.

May import: core, data, filters.
"""
