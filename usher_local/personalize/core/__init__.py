"""Resources and their facts: kinds, statuses, schemas, recipes, roles, places in S3, errors.

May import: nothing.
"""
