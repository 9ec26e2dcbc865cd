"""Callers and their permissions: credentials, signatures, and IAM's policies for every call.

May import: core.
"""
