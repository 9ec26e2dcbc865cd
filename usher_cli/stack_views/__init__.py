"""Views of a stack, for the page and the command: typed documents, read with few calls. Changes nothing.

May import: nothing.
"""
