"""The web page of a stack, on this machine: its recommendations and its operation.

May import: actions, doctor, stack_views.
"""
