"""The page of a stack: what it recommends to whom, and how it runs, in a browser on this machine.

May import: actions, doctor, stack_views.
"""
