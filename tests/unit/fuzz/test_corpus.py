"""Nothing in the corpus, and nothing that comes of it, breaks a reader: each ends in a value or in problems.

FUZZ_SECONDS=600 python -m pytest tests/unit/fuzz    goes on for ten minutes with each reader
"""
