"""The actions that a person can take on a stack: each shows its plan, and does nothing before it is carried out.

The command and the page act through these.

May import: nothing.
"""
