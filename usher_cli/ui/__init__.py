"""The page of a stack: what it recommends to whom, and how its machine is, in a browser on this machine.

May import: actions, doctor, machine.
"""
