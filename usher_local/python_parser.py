"""Python's own parser, which threads of CPython 3.11 cannot share."""

from threading import RLock

PARSER = RLock()
"""Hold it wherever a thread calls `ast.parse` or `numpy.load` (which parses the header of each array).

CPython 3.11 counts the parser's depth for all threads together. A garbage collection may let another thread parse
meanwhile; both then fail with "AST constructor recursion depth mismatch". Source:
https://github.com/python/cpython/issues/106905
"""
