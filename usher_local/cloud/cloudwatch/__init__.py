"""CloudWatch: metrics are written, queried, and watched by alarms.

May import: access, core, eventbridge.
"""
