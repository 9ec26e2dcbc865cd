"""The types of boto3's clients and of their arguments, only for type checkers: the stubs are not on Lambda."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Literal, Protocol, overload

    from botocore.config import Config
    from mypy_boto3_athena import AthenaClient as AthenaClient
    from mypy_boto3_cloudformation import CloudFormationClient as CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient as CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef as MetricDataQueryTypeDef
    from mypy_boto3_dynamodb import DynamoDBClient as DynamoDBClient
    from mypy_boto3_events import EventBridgeClient as EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef as PutEventsRequestEntryTypeDef
    from mypy_boto3_iam import IAMClient as IAMClient
    from mypy_boto3_lambda import LambdaClient as LambdaClient
    from mypy_boto3_personalize import PersonalizeClient as PersonalizeClient
    from mypy_boto3_personalize_events import PersonalizeEventsClient as PersonalizeEventsClient
    from mypy_boto3_personalize_runtime import PersonalizeRuntimeClient as PersonalizeRuntimeClient
    from mypy_boto3_s3 import S3Client as S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef as CompletedPartTypeDef
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef as ObjectIdentifierTypeDef
    from mypy_boto3_scheduler import EventBridgeSchedulerClient as EventBridgeSchedulerClient
    from mypy_boto3_sns import SNSClient as SNSClient
    from mypy_boto3_sqs import SQSClient as SQSClient
    from mypy_boto3_sqs.type_defs import (
        ChangeMessageVisibilityBatchRequestEntryTypeDef as ChangeMessageVisibilityBatchRequestEntryTypeDef,
    )
    from mypy_boto3_stepfunctions import SFNClient as SFNClient
    from mypy_boto3_sts import STSClient as STSClient

    class ClientMaker(Protocol):
        """Creates a client of a service once, and keeps it. A service without stubs has a client of type Any."""

        @overload
        def __call__(self, service: Literal["athena"], config: Config | None = None) -> AthenaClient: ...
        @overload
        def __call__(
            self, service: Literal["cloudformation"], config: Config | None = None
        ) -> CloudFormationClient: ...
        @overload
        def __call__(self, service: Literal["cloudwatch"], config: Config | None = None) -> CloudWatchClient: ...
        @overload
        def __call__(self, service: Literal["dynamodb"], config: Config | None = None) -> DynamoDBClient: ...
        @overload
        def __call__(self, service: Literal["events"], config: Config | None = None) -> EventBridgeClient: ...
        @overload
        def __call__(self, service: Literal["iam"], config: Config | None = None) -> IAMClient: ...
        @overload
        def __call__(self, service: Literal["lambda"], config: Config | None = None) -> LambdaClient: ...
        @overload
        def __call__(self, service: Literal["personalize"], config: Config | None = None) -> PersonalizeClient: ...
        @overload
        def __call__(
            self, service: Literal["personalize-events"], config: Config | None = None
        ) -> PersonalizeEventsClient: ...
        @overload
        def __call__(
            self, service: Literal["personalize-runtime"], config: Config | None = None
        ) -> PersonalizeRuntimeClient: ...
        @overload
        def __call__(self, service: Literal["s3"], config: Config | None = None) -> S3Client: ...
        @overload
        def __call__(
            self, service: Literal["scheduler"], config: Config | None = None
        ) -> EventBridgeSchedulerClient: ...
        @overload
        def __call__(self, service: Literal["sns"], config: Config | None = None) -> SNSClient: ...
        @overload
        def __call__(self, service: Literal["sqs"], config: Config | None = None) -> SQSClient: ...
        @overload
        def __call__(self, service: Literal["stepfunctions"], config: Config | None = None) -> SFNClient: ...
        @overload
        def __call__(self, service: Literal["sts"], config: Config | None = None) -> STSClient: ...
        @overload
        def __call__(self, service: str, config: Config | None = None) -> Any: ...

        def cache_clear(self) -> None:
            """Forget the clients."""

else:

    def __getattr__(_name: str) -> Any:
        return Any


Clients = Mapping[str, Any]
"""Clients by service: personalize and scheduler; to create resources, also that of `Kind.creator`.

The operations of each kind are named in its row (`usher.resources.kinds`) and looked up by name.
"""
