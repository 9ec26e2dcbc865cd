"""Models of the local Personalize service: numpy and scipy only, deterministic, stored as plain arrays.

May import: nothing.
"""
