"""The work of import, export, deletion and batch jobs and of metric attributions.

May import: core, data, filters, modelling.
"""
