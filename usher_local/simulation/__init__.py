"""The stack on simulated time: real handlers, real state machine, real Personalize, hours in a fraction of a second.

It runs in one process and one thread, so every run takes the same course and may be disturbed at each of its
boundaries.

May import: cloud, personalize.
"""
