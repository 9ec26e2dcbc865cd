"""The saved state of the local cloud in the folder STATE, service by service.

May import: access, aws_lambda, core, eventbridge.
"""
