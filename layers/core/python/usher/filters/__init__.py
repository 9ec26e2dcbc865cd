"""Filter expressions of Personalize: grammar, parsed form, and what they may say about a group's data. Pure.

May import: nothing.
"""
