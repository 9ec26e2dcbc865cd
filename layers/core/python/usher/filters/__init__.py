"""Filter expressions of Personalize: grammar, parsed form, and their check against a group's data. Pure.

May import: nothing.
"""
