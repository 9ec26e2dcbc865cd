"""Users who are to be forgotten: found and taken out of everything that Usher keeps, and out of Personalize.

May import: config, events, reports, resources, runs, serving, storage, planning.
"""
