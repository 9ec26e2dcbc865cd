"""Resources and the facts about them: kinds, statuses, schemas, recipes, roles, places in S3, errors.

May import: nothing.
"""
