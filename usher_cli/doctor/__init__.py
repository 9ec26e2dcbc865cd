"""`usher doctor`: whether a deployed stack can work, check by check.

May import: nothing.
"""
