"""API Gateway's HTTP APIs: a port for each, routes, authorizers, CORS, stages; and who may call a port at all.

May import: access, aws_lambda, cloudwatch.
"""
