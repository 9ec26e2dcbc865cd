"""The slow steps of aws-samples/personalization-apis during the import of its function, without any code of it.

https://github.com/aws-samples/personalization-apis/tree/main/src/personalization_api_function: `main.py` and its
imports. Left out, in the sample's favour: its own modules, the request for its config, and the client of CloudWatch
Evidently, which boto3 no longer has.
"""

from importlib import import_module
from typing import Any

PACKAGES = (
    "aws_lambda_powertools",
    "aws_lambda_powertools.event_handler.api_gateway",
    "aws_lambda_powertools.logging.correlation_paths",
    "aws_lambda_powertools.metrics",
    "boto3",
    "botocore.exceptions",
    "concurrent.futures",
    "dbm",
    "pytz",
    "urllib.request",
)
CLIENTS = (
    "firehose",
    "kinesis",
    "lambda",
    "lambda",
    "personalize-events",
    "personalize-runtime",
    "sagemaker-runtime",
)
"""The services of the modules' clients: each module makes its own."""
MODULES = 9
"""The number of modules that make a tracer and a logger."""

powertools, gateway, *_ = packages = [import_module(name) for name in PACKAGES]
boto3: Any = import_module("boto3")
made = [(powertools.Tracer(), powertools.Logger(child=True)) for _ in range(MODULES)]
app, metrics = (
    gateway.ApiGatewayResolver(proxy_type=gateway.ProxyEventType.APIGatewayProxyEventV2),
    powertools.Metrics(),
)
clients = [boto3.client(name) for name in CLIENTS]
table = boto3.resource("dynamodb")
