"""Filter expressions: grammar, parsed form, and the records that they select.

May import: core, data.
"""
