"""What a run will do: the inputs are loaded and checked, and compared with what is there.

May import: config, costs, datasets, exports, formats, resources, runs, storage.
"""
