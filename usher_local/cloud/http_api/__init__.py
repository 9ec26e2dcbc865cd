"""API Gateway's HTTP APIs: a port for each, routes, authorizers, CORS and stages; and the access control of all ports.

May import: access, aws_lambda, cloudwatch.
"""
