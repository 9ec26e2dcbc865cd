"""Erasure of users from Personalize and from everything that Usher keeps.

May import: config, events, reports, resources, runs, serving, storage, planning.
"""
