"""`usher doctor`: checks of a deployed stack.

May import: nothing.
"""
