"""The input and output files of batch inference and batch segment jobs.

May import: filters, storage.
"""
