"""AWS Lambda: functions in processes of their own, layers, quotas, asynchronous calls and SQS triggers.

May import: access, core.
"""
