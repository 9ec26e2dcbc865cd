"""The files of batch inference jobs.

May import: nothing.
"""
