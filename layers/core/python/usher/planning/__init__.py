"""Planning a run: load and check the inputs, derive the desired resources, compare them with the existing ones.

May import: batch, catalogue, config, costs, datasets, filters, formats, resources, runs, serving, storage.
"""
