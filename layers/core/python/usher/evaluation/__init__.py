"""Models are compared on a part of the history that was held out.

May import: batch, config, costs, datasets, formats, planning, reports, resources, runs, storage.
"""
