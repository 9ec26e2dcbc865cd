"""The page's views of a stack's machine: typed documents, read with few calls and in parallel. Changes nothing.

May import: nothing.
"""
