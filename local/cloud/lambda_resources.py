"""Resource providers of AWS Lambda's types.

Gaps upstream (moto 5.2.5). Unknown: aliases. Known in part: a function loses its layers and its logging configuration.
Crashing: a permission on an alias, the Ref of a version.
"""

# ruff: noqa: ARG001 - every handler of one kind has the same signature

import base64
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from moto.awslambda.models import lambda_backends

from local.cloud.lambdas import Code
from local.cloud.providers import Place, Properties, Provider, Resource

LOCAL_BUCKET = "local-source"


def create_function(name: str, properties: Properties, place: Place) -> Any:
    """moto's function; its code and its layers stay in their source folders."""
    folder = source(properties["Code"]["S3Key"], place)
    spec = {key: value for key, value in properties.items() if key not in ("Layers", "Tags", "SnapStart")}
    code = base64.b64encode(zipped(folder))
    made = backend(place).create_function({**spec, "FunctionName": name, "Code": {"ZipFile": code}})
    logging = properties.get("LoggingConfig", {})
    made.logs_group_name = logging.get("LogGroup", made.logs_group_name)
    # A layer that is not ours (an ARN of AWS's) has no folder here: the interpreter's environment stands for it.
    keys = [arn.partition(f":{LOCAL_BUCKET}/")[2] for arn in properties.get("Layers", ())]
    python_path = tuple(source(key, place) / "python" for key in keys if key)
    place.lambdas.add(name, Code(folder, python_path, logging.get("LogFormat", "Text")))
    return made


def delete_function(made: Any, place: Place) -> None:
    """With its versions and aliases."""
    backend(place).delete_function(made.function_name)


def create_layer_version(name: str, properties: Properties, place: Place) -> Resource:
    """A layer's ARN tells its source folder to the functions that use it."""
    return Resource(f"{place.arn('lambda', 'layer')}:{LOCAL_BUCKET}/{properties['Content']['S3Key']}")


def create_version(name: str, properties: Properties, place: Place) -> Resource:
    """A published version."""
    made = backend(place).publish_version(properties["FunctionName"])
    return Resource(made.function_arn, {"Version": str(made.version), "FunctionArn": made.function_arn})


def delete_version(made: Resource, place: Place) -> None:
    """The other versions stay."""
    backend(place).delete_function(made.physical_resource_id)


def create_alias(name: str, properties: Properties, place: Place) -> Resource:
    """An alias of a version."""
    made = backend(place).create_alias(
        properties["Name"], properties["FunctionName"], properties["FunctionVersion"], "", ""
    )
    return Resource(made.arn, {"AliasArn": made.arn})


def delete_alias(made: Resource, place: Place) -> None:
    """The version that it names stays."""
    function, _, alias = made.physical_resource_id.rpartition(":")
    backend(place).delete_alias(alias, function)


def create_permission(name: str, properties: Properties, place: Place) -> Resource:
    """Nothing asks a function's resource policy here."""
    return Resource(name)


def nothing(made: Resource, place: Place) -> None:
    """Nothing is kept elsewhere."""


PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        "AWS::Lambda::Alias": Provider(create_alias, delete_alias),
        "AWS::Lambda::Function": Provider(create_function, delete_function),
        "AWS::Lambda::LayerVersion": Provider(create_layer_version, nothing),
        "AWS::Lambda::Permission": Provider(create_permission, nothing),
        "AWS::Lambda::Version": Provider(create_version, delete_version),
    }
)


def backend(place: Place) -> Any:
    """moto's Lambda of the stack's account and region."""
    return lambda_backends[place.account][place.region]


def source(key: str, place: Place) -> Path:
    """The folder behind a local CodeUri or ContentUri."""
    return place.root / key


def zipped(folder: Path) -> bytes:
    """A folder as a zip archive, the same bytes for the same sources."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*.py")):
            archive.writestr(zipfile.ZipInfo(str(path.relative_to(folder))), path.read_bytes())
    return buffer.getvalue()
