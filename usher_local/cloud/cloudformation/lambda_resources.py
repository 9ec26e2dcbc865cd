"""Resource providers of AWS Lambda's types.

Gaps upstream (moto 5.2.5). Missing: aliases, event invoke configs. Incomplete: a function loses its layers and its
logging configuration. Crashing: a permission on an alias, the Ref of a version.
"""

# ruff: noqa: ARG001 - every handler of one kind has the same signature

import base64
import io
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends

from usher_local.cloud.access.iam import unqualified
from usher_local.cloud.cloudformation.provider import Place, Properties, Provider, Resource

LOCAL_BUCKET = "local-source"
# Lambda's values for properties that an update leaves out
DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "DeadLetterConfig": {"TargetArn": ""},
        "Description": "",
        "Environment": {"Variables": {}},
        "Layers": [],
        "MemorySize": 128,
        "Timeout": 3,
    }
)


def create_function(name: str, properties: Properties, place: Place) -> Any:
    """Create moto's function, with its current code."""
    given = {key: value for key, value in properties.items() if key not in ("Tags", "SnapStart")}
    spec = {"FunctionName": name, **given, "Code": content(properties["Code"], place)}
    return backend(place).create_function(spec)


def update_function(made: Any, old: Properties, new: Properties, place: Place) -> Any:
    """Update `$LATEST`; published versions do not change."""
    gone = {key: DEFAULTS[key] for key in old if key not in new and key in DEFAULTS}
    made.update_configuration({**gone, **new})
    made.update_function_code(content(new["Code"], place))
    if (reserved := new.get("ReservedConcurrentExecutions")) is not None:
        backend(place).put_function_concurrency(made.function_name, reserved)
    else:
        backend(place).delete_function_concurrency(made.function_name)
    return made


def delete_function(made: Any, place: Place) -> None:
    """Delete a function with its versions and aliases."""
    backend(place).delete_function(made.function_name)


def create_layer_version(name: str, properties: Properties, place: Place) -> Resource:
    """Publish a layer version with its current content."""
    given = {"LayerName": properties.get("LayerName", name), "Content": content(properties["Content"], place)}
    made = backend(place).publish_layer_version({**properties, **given})
    return Resource(made.arn, {"LayerVersionArn": made.arn})


def delete_layer_version(made: Resource, place: Place) -> None:
    """Delete a layer version; functions that use it keep it."""
    _, _, _, _, _, _, name, version = made.physical_resource_id.split(":")
    backend(place).delete_layer_version(name, version)


def create_version(name: str, properties: Properties, place: Place) -> Resource:
    """Publish a version."""
    made = backend(place).publish_version(properties["FunctionName"])
    return Resource(made.function_arn, {"Version": str(made.version), "FunctionArn": made.function_arn})


def delete_version(made: Resource, place: Place) -> None:
    """Delete a version; the others remain."""
    backend(place).delete_function(made.physical_resource_id)


def create_alias(name: str, properties: Properties, place: Place) -> Resource:
    """Create an alias of a version."""
    made = backend(place).create_alias(
        properties["Name"], properties["FunctionName"], properties["FunctionVersion"], "", ""
    )
    return Resource(made.arn, {"AliasArn": made.arn})


def update_alias(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Point an alias to another version."""
    function, _, name = made.physical_resource_id.rpartition(":")
    backend(place).update_alias(name, function, new["FunctionVersion"], new.get("Description"), None)
    return made


def delete_alias(made: Resource, place: Place) -> None:
    """Delete an alias; its version remains."""
    function, _, alias = made.physical_resource_id.rpartition(":")
    backend(place).delete_alias(alias, function)


def create_event_invoke_config(name: str, properties: Properties, place: Place) -> Resource:
    """Set retries and destinations of asynchronous invocations."""
    backend(place).put_function_event_invoke_config(properties["FunctionName"], dict(properties))
    return Resource(properties["FunctionName"])


def delete_event_invoke_config(made: Resource, place: Place) -> None:
    """Restore the defaults: two retries and no destinations."""
    backend(place).delete_function_event_invoke_config(made.physical_resource_id)


def create_permission(name: str, properties: Properties, place: Place) -> Resource:
    """Add a statement to a function's resource-based policy; a statement about an alias is in its function's policy."""
    named = properties["FunctionName"]
    conditions = {
        "ArnLike": {"aws:SourceArn": properties.get("SourceArn")},
        "StringEquals": {"aws:SourceAccount": properties.get("SourceAccount")},
    }
    statement = {
        "Sid": name,
        "Effect": "Allow",
        "Principal": {"Service": properties["Principal"]},
        "Action": properties["Action"],
        "Resource": named if named.startswith("arn:") else place.arn("lambda", f"function:{named}"),
        "Condition": {operator: keys for operator, keys in conditions.items() if all(keys.values())},
    }
    backend(place).get_function(unqualified(named)).policy.statements.append(statement)
    return Resource(name, {"FunctionName": named})


def delete_permission(made: Resource, place: Place) -> None:
    """Delete a statement; the function may already be deleted."""
    named = made.attributes["FunctionName"]
    with suppress(UnknownFunctionException):
        backend(place).get_function(unqualified(named)).policy.del_statement(made.physical_resource_id)


PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        "AWS::Lambda::Alias": Provider(create_alias, delete_alias, update_alias),
        "AWS::Lambda::EventInvokeConfig": Provider(create_event_invoke_config, delete_event_invoke_config),
        "AWS::Lambda::Function": Provider(create_function, delete_function, update_function),
        "AWS::Lambda::LayerVersion": Provider(create_layer_version, delete_layer_version),
        "AWS::Lambda::Permission": Provider(create_permission, delete_permission),
        "AWS::Lambda::Version": Provider(create_version, delete_version),
    }
)


def backend(place: Place) -> Any:
    """moto's Lambda of the stack's account and region."""
    return lambda_backends[place.account][place.region]


def content(location: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Code or content in moto's form: an object in S3, or the current files of a local folder."""
    if location.get("S3Bucket") != LOCAL_BUCKET:
        return dict(location)
    return {"ZipFile": base64.b64encode(zipped(place.root / location["S3Key"]))}


def zipped(folder: Path) -> bytes:
    """A folder as a zip archive; equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.writestr(zipfile.ZipInfo(str(path.relative_to(folder))), path.read_bytes())
    return buffer.getvalue()
