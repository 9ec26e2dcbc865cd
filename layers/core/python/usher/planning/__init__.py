"""What a run will do: the inputs are loaded and checked, and compared with what is there.

May import: batch, config, costs, datasets, formats, resources, runs, storage.
"""
