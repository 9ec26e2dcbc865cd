"""The stack on simulated time: real handlers, real state machine, real Personalize, hours in a fraction of a second.

One process and one thread, so that every run takes the same course, and may be disturbed at any of its boundaries.

May import: cloud, personalize.
"""
