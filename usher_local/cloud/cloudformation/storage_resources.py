"""Resource providers of Amazon S3 and DynamoDB."""

# ruff: noqa: ARG001 - every handler of one kind has the same signature

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from usher_local.cloud.cloudformation.provider import PARTITION, Place, Properties, Provider, Resource
from usher_local.cloud.cloudformation.service_calls import call, deleter, without


def lifecycle(rules: Properties) -> dict[str, Any]:
    """Lifecycle rules in the API's form: a filter, and actions in structures."""
    return {"Rules": [lifecycle_rule(rule) for rule in rules["Rules"]]}


def lifecycle_rule(rule: Properties) -> dict[str, Any]:
    """A lifecycle rule in the API's form."""
    tags = rule.get("TagFilters", [])
    prefix = {"Prefix": rule["Prefix"]} if "Prefix" in rule else {}
    several = len(tags) + len(prefix) > 1
    matched = {"And": {**prefix, "Tags": tags}} if several else {"Tag": tags[0]} if tags else prefix or {"Prefix": ""}
    days = {"Expiration": {"Days": rule["ExpirationInDays"]}} if "ExpirationInDays" in rule else {}
    return {"Filter": matched, **days, **without(rule, "TagFilters", "Prefix", "ExpirationInDays")}


def encryption(rules: Properties) -> dict[str, Any]:
    """Encryption in the API's form."""
    return {
        "Rules": [
            {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
            for rule in rules["ServerSideEncryptionConfiguration"]
        ]
    }


def notifications(wanted: Properties) -> dict[str, Any]:
    """Notifications in the API's form: an EventBridge member turns EventBridge on."""
    off = str(wanted.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled", True)).lower() == "false"
    return without(wanted, "EventBridgeConfiguration") | ({} if off else {"EventBridgeConfiguration": {}})


# Property of a bucket: the operation that sets it, the operation's parameter, its form there, and the value that
# removes it.
BUCKET: Mapping[str, tuple[str, str, Callable[[Any], Any], Any]] = MappingProxyType(
    {
        "BucketEncryption": (
            "put_bucket_encryption",
            "ServerSideEncryptionConfiguration",
            encryption,
            {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]},
        ),
        "LifecycleConfiguration": ("put_bucket_lifecycle_configuration", "LifecycleConfiguration", lifecycle, None),
        "NotificationConfiguration": (
            "put_bucket_notification_configuration",
            "NotificationConfiguration",
            notifications,
            {"EventBridgeConfiguration": {"EventBridgeEnabled": False}},
        ),
        "OwnershipControls": (
            "put_bucket_ownership_controls",
            "OwnershipControls",
            dict,
            {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        ),
        "PublicAccessBlockConfiguration": ("put_public_access_block", "PublicAccessBlockConfiguration", dict, {}),
        "Tags": ("put_bucket_tagging", "Tagging", lambda tags: {"TagSet": tags}, []),
        "VersioningConfiguration": (
            "put_bucket_versioning",
            "VersioningConfiguration",
            dict,
            {"Status": "Suspended"},
        ),
    }
)


def create_bucket(name: str, properties: Properties, place: Place) -> Resource:
    """Create an empty bucket, then set each property by its own operation."""
    bucket = name.lower()
    place.client("s3").create_bucket(Bucket=bucket)
    made = Resource(
        bucket,
        {
            "Arn": f"arn:{PARTITION}:s3:::{bucket}",
            "DomainName": f"{bucket}.s3.amazonaws.com",
            "RegionalDomainName": f"{bucket}.s3.{place.region}.amazonaws.com",
        },
    )
    return update_bucket(made, {}, without(properties, "BucketName"), place)


def update_bucket(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Set changed properties. ValueError for an unknown property."""
    for name in sorted(old.keys() | new.keys() - {"BucketName"}):
        if old.get(name) == new.get(name):
            continue
        if name not in BUCKET:
            raise ValueError(f"extraneous key [{name}] is not permitted: the local cloud does not support it")
        operation, parameter, form, none = BUCKET[name]
        if name not in new and none is None:
            place.client("s3").delete_bucket_lifecycle(Bucket=made.physical_resource_id)
        else:
            value = form(new.get(name, none))
            call(place, ("s3", operation), {"Bucket": made.physical_resource_id, parameter: value})
    return made


def delete_bucket(made: Resource, place: Place) -> None:
    """Delete a bucket; S3 refuses it unless it is empty."""
    place.client("s3").delete_bucket(Bucket=made.physical_resource_id)


def put_bucket_policy(name: str, properties: Properties, place: Place) -> Resource:
    """Put a bucket's policy, which `usher_local.cloud.access.iam` and the local Personalize check."""
    call(place, ("s3", "put_bucket_policy"), {"Bucket": properties["Bucket"], "Policy": properties["PolicyDocument"]})
    return Resource(properties["Bucket"])


# Properties that CreateTable does not accept, with the operation that sets each
TABLE = MappingProxyType(
    {
        "PointInTimeRecoverySpecification": "update_continuous_backups",
        "TimeToLiveSpecification": "update_time_to_live",
    }
)
OFF: Mapping[str, Properties] = MappingProxyType(
    {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False}}
)


def create_table(name: str, properties: Properties, place: Place) -> Resource:
    """Create a table, then set the properties with operations of their own."""
    given = {**without(properties, *TABLE), "TableName": name}
    if "SSESpecification" in given:
        sse = given["SSESpecification"]
        given["SSESpecification"] = {"Enabled": sse["SSEEnabled"], **without(sse, "SSEEnabled")}
    arn = call(place, ("dynamodb", "create_table"), given)["TableDescription"]["TableArn"]
    return update_table(Resource(name, {"Arn": arn}), without(properties, *TABLE), properties, place)


def update_table(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Set changed properties."""
    name = {"TableName": made.physical_resource_id}
    changed = [one for one in sorted(old.keys() | new.keys()) if old.get(one) != new.get(one)]
    for one in (one for one in changed if one in TABLE):
        wanted = new.get(one, OFF.get(one, {**old.get(one, {}), "Enabled": False}))
        call(place, ("dynamodb", TABLE[one]), {**name, one: wanted})
    if rest := {one: new[one] for one in changed if one not in TABLE and one != "Tags" and one in new}:
        call(place, ("dynamodb", "update_table"), {**name, **rest})
    return made


def delete_table(made: Resource, place: Place) -> None:
    """Delete a table; DynamoDB refuses it under deletion protection."""
    place.client("dynamodb").delete_table(TableName=made.physical_resource_id)


PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        "AWS::DynamoDB::Table": Provider(create_table, delete_table, update_table, "TableName"),
        "AWS::S3::Bucket": Provider(create_bucket, delete_bucket, update_bucket, "BucketName"),
        "AWS::S3::BucketPolicy": Provider(
            put_bucket_policy,
            deleter(("s3", "delete_bucket_policy"), "Bucket"),
            lambda made, _, new, place: put_bucket_policy(made.physical_resource_id, new, place),
        ),
    }
)
