"""Step Functions: moto's interpreter, repaired, and executions from start to end.

May import: access, core.
"""
