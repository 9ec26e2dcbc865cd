"""The actions of a person on a stack: each shows its plan, and does nothing before it is confirmed.

Both the command and the page use them.

May import: nothing.
"""
