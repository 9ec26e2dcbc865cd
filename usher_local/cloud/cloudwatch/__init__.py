"""CloudWatch: metrics, queries and alarms.

May import: access, core, eventbridge.
"""
