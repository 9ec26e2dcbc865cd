"""Who calls, and what they may do: credentials, signatures, and IAM's policies for every call.

May import: core.
"""
