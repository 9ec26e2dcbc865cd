"""CloudFormation's API: stacks and change sets, for SAM CLI and the SDKs.

It replaces moto's CloudFormation (5.2.5), which runs no transform, asks for no capabilities, keeps the change sets of
all stacks in one list, and returns incomplete lists of changes, outputs and tags; see
`usher_local.cloud.cloudformation.stacks`.
"""

import json
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from moto.cloudformation.exceptions import AlreadyExistsException, CloudFormationError, ValidationError
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult

from usher_local.cloud.cloudformation import templates
from usher_local.cloud.cloudformation.change_sets import ChangeSet, shown_change, summary
from usher_local.cloud.cloudformation.documents import (
    IAM_TYPES,
    Given,
    declared,
    pairs,
    shown_parameters,
    shown_resource,
    shown_stack,
)
from usher_local.cloud.cloudformation.provider import Place
from usher_local.cloud.cloudformation.resource_providers import PROVIDERS
from usher_local.cloud.cloudformation.stack import Stack, Target
from usher_local.cloud.cloudformation.stacks import UNREAL, Stacks
from usher_local.cloud.cloudformation.templates import Template, TemplateError, TransformError
from usher_local.cloud.core.patching import replaced
from usher_local.cloud.state.stacks import KeptStacks

log = logging.getLogger(__name__)

# The seconds for which an answer waits for its operation: SAM CLI polls small stacks only every 15 to 30 seconds.
PROMPT_SECONDS = 1.0
IAM_NAMES = {"GroupName", "InstanceProfileName", "ManagedPolicyName", "RoleName", "UserName"}
NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


class InsufficientCapabilitiesError(CloudFormationError):  # type: ignore[misc]
    """The request does not acknowledge the IAM resources or macros of its template."""

    code = "InsufficientCapabilitiesException"


class ChangeSetNotFoundError(CloudFormationError):  # type: ignore[misc]
    """A stack has no change set of this name."""

    code = "ChangeSetNotFound"


class InvalidChangeSetStatusError(CloudFormationError):  # type: ignore[misc]
    """A change set can't be executed."""

    code = "InvalidChangeSetStatus"


class CloudFormation:
    """The service. Every public method with one argument is an action: parameters in, members of the answer out."""

    def __init__(self, place: Place, kept: KeptStacks) -> None:
        self.stacks = Stacks(place, PROVIDERS, kept)
        self._place = place
        self._threads: list[threading.Thread] = []
        self._lock = threading.RLock()

    # ---- Change sets ----

    def create_change_set(self, given: Given) -> Given:
        """Create a change set for an existing or a new stack."""
        name, kind = given["ChangeSetName"], given.get("ChangeSetType", "UPDATE")
        stack = self.stacks.find(given["StackName"])
        if kind == "CREATE" and stack and stack.status != "REVIEW_IN_PROGRESS":
            raise ValidationError(
                message=f"Stack [{stack.name}] already exists and cannot be created again with the changeSet [{name}]."
            )
        if kind == "UPDATE":
            stack = self._changeable(given["StackName"])
        if stack and name in stack.change_sets:
            raise AlreadyExistsException(f"ChangeSet {name} already exists")
        body, template = self._template(given, stack)
        acknowledge(template, given)
        values = self._given(template, given, stack)
        failure = None
        try:
            target = self._target(body, template, values, given, stack)
            acknowledge(target.template, given)
        except (
            TransformError,
            InsufficientCapabilitiesError,
        ) as error:  # AWS finds these errors while it creates the set
            failure, target = message(error), Target(body, {}, {}, values, {})
        stack = stack or self.stacks.add(given["StackName"], Target("", {}, {}, {}, target.tags))
        if kind == "CREATE" and not stack.events:
            stack.set_status("REVIEW_IN_PROGRESS", "User Initiated")
        changes = [] if failure else self.stacks.changes(stack, target)
        if not failure and kind == "UPDATE" and not changes and same(stack.current, target):
            failure = NO_CHANGES
        made = ChangeSet(
            name,
            self._place.arn("cloudformation", f"changeSet/{name}/{uuid4()}"),
            kind,
            target,
            changes,
            given.get("Capabilities", []),
            given.get("Description"),
            failure,
        )
        stack.change_sets[name] = made
        return {"Id": made.id, "StackId": stack.id}

    def describe_change_set(self, given: Given) -> Given:
        """A change set with all its changes."""
        stack, one = self._change_set(given)
        return {
            **summary(stack, one),
            "Capabilities": one.capabilities,
            "Parameters": shown_parameters(one.target),
            "Tags": pairs(one.target.tags),
            "Changes": [shown_change(change) for change in one.changes],
        }

    def list_change_sets(self, given: Given) -> Given:
        """The change sets of one stack."""
        stack = self._stack(given["StackName"])
        return {"Summaries": [summary(stack, one) for one in stack.change_sets.values()]}

    def delete_change_set(self, given: Given) -> Given:
        """Delete a change set. A stack in review remains."""
        stack, one = self._change_set(given)
        del stack.change_sets[one.name]
        return {}

    def execute_change_set(self, given: Given) -> Given:
        """Start the changes of a set; all other change sets of the stack become obsolete."""
        stack, one = self._change_set(given)
        if one.execution_status != "AVAILABLE":
            raise InvalidChangeSetStatusError(
                f"ChangeSet [{one.id}] cannot be executed in its current status of [{one.status}]"
            )
        with self._lock:
            if stack.status != "REVIEW_IN_PROGRESS":
                self._changeable(stack.id)
            one.executed = True
            stack.change_sets.clear()
            work = self.stacks.create if one.kind == "CREATE" else self.stacks.update
            return self._start(lambda: work(stack, one.target), stack)

    # ---- Stacks ----

    def create_stack(self, given: Given) -> Given:
        """Start to create a stack."""
        if found := self.stacks.find(given["StackName"]):
            raise AlreadyExistsException(f"Stack [{found.name}] already exists")
        target = self._submitted(given, None)
        stack = self.stacks.add(given["StackName"], target)
        return self._start(lambda: self.stacks.create(stack, target), stack)

    def update_stack(self, given: Given) -> Given:
        """Start to update a stack."""
        stack = self._changeable(given["StackName"])
        target = self._submitted(given, stack)
        if not self.stacks.changes(stack, target) and same(stack.current, target):
            raise ValidationError(message="No updates are to be performed.")
        return self._start(lambda: self.stacks.update(stack, target), stack)

    def delete_stack(self, given: Given) -> Given:
        """Start to delete a stack; a missing stack is ignored."""
        stack = self.stacks.find(given["StackName"])
        retain = given.get("RetainResources", [])
        if stack is None or stack.status == "DELETE_COMPLETE":
            return {}
        if retain and stack.status != "DELETE_FAILED":
            raise ValidationError(
                message=f"Invalid operation on stack [{stack.id}]. RetainResources is for DELETE_FAILED stacks only."
            )
        if stack.status.endswith("IN_PROGRESS") and stack.status not in UNREAL:
            raise ValidationError(message=f"Stack [{stack.id}] cannot be deleted while in status {stack.status}")
        self._start(lambda: self.stacks.delete(stack, retain), stack)
        return {}

    def describe_stacks(self, given: Given) -> Given:
        """One stack (a deleted one by its ID only), or all that are not deleted."""
        if name := given.get("StackName"):
            return {"Stacks": [shown_stack(self._stack(name))]}
        return {"Stacks": [shown_stack(one) for one in self.stacks.all.values() if one.status != "DELETE_COMPLETE"]}

    def list_stacks(self, given: Given) -> Given:
        """All stacks, including deleted ones."""
        wanted = given.get("StackStatusFilter")
        return {
            "StackSummaries": [
                {name: value for name, value in shown_stack(one).items() if name != "Description"}
                | {"TemplateDescription": one.current.template.get("Description", "")}
                for one in self.stacks.all.values()
                if not wanted or one.status in wanted
            ]
        }

    def describe_stack_events(self, given: Given) -> Given:
        """The events of a stack, newest first."""
        return {"StackEvents": self._stack(given["StackName"]).events[::-1]}

    def describe_stack_resources(self, given: Given) -> Given:
        """The resources of a stack, or of the stack with a given physical ID."""
        physical, logical = given.get("PhysicalResourceId"), given.get("LogicalResourceId")
        named = [self._stack(given["StackName"])] if "StackName" in given else list(self.stacks.all.values())
        found = [
            shown_resource(stack, one, "Timestamp")
            for stack in named
            for one in stack.resources.values()
            if logical in (None, one.logical_id) and physical in (None, one.physical_id)
        ]
        if not found and physical:
            raise ValidationError(message=f"Stack for {physical} does not exist")
        return {"StackResources": found}

    def describe_stack_resource(self, given: Given) -> Given:
        """One resource by its logical ID."""
        stack, name = self._stack(given["StackName"]), given["LogicalResourceId"]
        if name not in stack.resources:
            raise ValidationError(message=f"Resource {name} does not exist for stack {stack.name}")
        return {"StackResourceDetail": shown_resource(stack, stack.resources[name], "LastUpdatedTimestamp")}

    def list_stack_resources(self, given: Given) -> Given:
        """All resources of a stack."""
        stack = self._stack(given["StackName"])
        found = [shown_resource(stack, one, "LastUpdatedTimestamp") for one in stack.resources.values()]
        own = ("StackId", "StackName")
        return {"StackResourceSummaries": [{k: v for k, v in one.items() if k not in own} for one in found]}

    def list_exports(self, given: Given) -> Given:  # noqa: ARG002 - an action
        """The exports of all stacks."""
        return {
            "Exports": [
                {"ExportingStackId": owner, "Name": name, "Value": value}
                for name, (owner, value) in self.stacks.exports().items()
            ]
        }

    # ---- Templates ----

    def get_template(self, given: Given) -> Given:
        """The template as submitted, or after the transform (`Processed`)."""
        if "ChangeSetName" in given:
            target = self._change_set(given)[1].target
        else:
            target = self._stack(given["StackName"]).current
        processed = given.get("TemplateStage") == "Processed"
        body = json.dumps(target.template) if processed else target.body
        return {"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}

    def get_template_summary(self, given: Given) -> Given:
        """The parameters, capabilities and resource types of a template."""
        stack = self._stack(given["StackName"]) if "StackName" in given else None
        template = templates.parse(stack.current.body) if stack else self._template(given, None)[1]
        return {
            **declared(template),
            "ResourceTypes": [one["Type"] for one in template["Resources"].values()],
            "Version": template.get("AWSTemplateFormatVersion", ""),
        }

    def validate_template(self, given: Given) -> Given:
        """The parameters and capabilities of a valid template."""
        return declared(self._template(given, None)[1])

    # ---- For the local cloud ----

    def deploy(self, name: str, path: Path, parameters: Mapping[str, str]) -> Stack:
        """Create a stack from local sources. StackFailedError gives the reason of a failure."""
        earlier = dict(self.stacks.kept.rows()).get(name, {})
        return self._create(name, templates.source(path), parameters, earlier.get("tags", {}), earlier.get("id"))

    def restore(self) -> None:
        """Create the missing stacks of an earlier process; a failure is logged, and its stack stays saved."""
        for name, kept in self.stacks.kept.rows():
            if not self.stacks.find(name):
                try:
                    self._create(name, kept["body"], kept["given"], kept["tags"], kept["id"])
                except (StackFailedError, TemplateError) as error:
                    log.error("can't be created again: %s", error)
        self.stacks.kept.restoring = False

    def _create(
        self, name: str, body: str, given: Mapping[str, str], tags: Mapping[str, str], stack_id: str | None
    ) -> Stack:
        request = {"Tags": pairs(tags)}
        target = self._target(body, templates.parse(body), dict(given), request, None)
        stack = self.stacks.add(name, target, stack_id)
        self.stacks.create(stack, target)
        if stack.status != "CREATE_COMPLETE":
            failed = [one for one in stack.events if one["ResourceStatus"] == "CREATE_FAILED"]
            raise StackFailedError(f"stack {name}: {failed[0]['ResourceStatusReason'] if failed else stack.reason}")
        return stack

    def join(self) -> None:
        """Wait for the running operations."""
        for thread in self._threads:
            thread.join()

    # ---- Parts ----

    def _start(self, work: Callable[[], None], stack: Stack) -> Given:
        """Start an operation on a stack, which may continue after the answer."""
        before = len(stack.events)
        thread = threading.Thread(target=work, name=f"stack-{stack.name}", daemon=True)
        self._threads.append(thread)
        thread.start()
        thread.join(PROMPT_SECONDS)
        log.debug("%s: %d events", stack.name, len(stack.events) - before)
        return {"StackId": stack.id}

    def _stack(self, name: str) -> Stack:
        if stack := self.stacks.find(name):
            return stack
        raise ValidationError(name)

    def _changeable(self, name: str) -> Stack:
        """A stack that can be updated."""
        stack = self.stacks.find(name)
        if stack is None or stack.status in UNREAL:
            raise ValidationError(message=f"Stack [{name}] does not exist")
        if not re.fullmatch(r"(CREATE|UPDATE|UPDATE_ROLLBACK)_COMPLETE", stack.status):
            raise ValidationError(message=f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
        return stack

    def _change_set(self, given: Given) -> tuple[Stack, ChangeSet]:
        name = given["ChangeSetName"]
        named = [self._stack(given["StackName"])] if given.get("StackName") else list(self.stacks.all.values())
        for stack in named:
            for one in stack.change_sets.values():
                if name in (one.name, one.id):
                    return stack, one
        raise ChangeSetNotFoundError(f"ChangeSet [{name}] does not exist")

    def _template(self, given: Given, stack: Stack | None) -> tuple[str, Template]:
        """The submitted template, as text and parsed."""
        if given.get("UsePreviousTemplate") and stack:
            body = stack.current.body
        elif "TemplateURL" in given:
            body = self._fetched(given["TemplateURL"])
        elif "TemplateBody" in given:
            body = given["TemplateBody"]
        else:
            raise ValidationError(message="Either Template URL or Template Body must be specified.")
        return body, templates.parse(body)

    def _fetched(self, url: str) -> str:
        """A template in S3, by a URL with the bucket in the host or in the path."""
        parts = urlsplit(url)
        host, path = parts.hostname or "", unquote(parts.path).lstrip("/")
        in_host = re.fullmatch(r"(.+)\.s3[.-].*amazonaws\.com", host)
        bucket, key = (in_host[1], path) if in_host else path.split("/", 1)
        body: bytes = self._place.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return body.decode()

    def _given(self, template: Template, given: Given, stack: Stack | None) -> dict[str, str]:
        """The parameters of a request, with previous values filled in."""
        before = stack.current.given if stack else {}
        values = {}
        for one in given.get("Parameters", []):
            name = one["ParameterKey"]
            if not one.get("UsePreviousValue"):
                values[name] = one.get("ParameterValue", "")
            elif name in before:
                values[name] = before[name]
            elif "Default" not in template.get("Parameters", {}).get(name, {}):
                raise ValidationError(message=f"Parameters: [{name}] must have values")
        return values

    def _target(
        self, body: str, template: Template, values: Mapping[str, str], given: Given, stack: Stack | None
    ) -> Target:
        """The desired state in a request. Raises TemplateError."""
        tags = {tag["Key"]: tag["Value"] for tag in given.get("Tags", [])}
        kept = stack.current.tags if stack and "Tags" not in given else {}
        parameters = templates.parameter_values(template, values)
        target = Target(body, templates.transformed(template, values), parameters, values, tags or kept)
        self.stacks.check(target)
        return target

    def _submitted(self, given: Given, stack: Stack | None) -> Target:
        """The desired state in a request without a change set."""
        body, template = self._template(given, stack)
        if templates.macros(template) and "CAPABILITY_AUTO_EXPAND" not in given.get("Capabilities", []):
            raise InsufficientCapabilitiesError("Requires capabilities : [CAPABILITY_AUTO_EXPAND]")
        target = self._target(body, template, self._given(template, given, stack), given, stack)
        acknowledge(target.template, given)
        return target


class StackFailedError(OSError):
    """The local cloud's own stack can't be created; the message has the reason, such as no package registry."""


def message(error: Exception) -> str:
    """The message of an error, without its code."""
    return str(getattr(error, "message", error))


@contextmanager
def refused() -> Iterator[None]:
    """Turn an error in a template into a ValidationError of the API."""
    try:
        yield
    except TemplateError as error:
        raise ValidationError(message=str(error)) from error


def same(one: Target, other: Target) -> bool:
    """Whether two targets agree in all that CloudFormation keeps besides resources: outputs and tags."""
    return (one.template.get("Outputs"), one.tags) == (other.template.get("Outputs"), other.tags)


def acknowledge(template: Template, given: Given) -> None:
    """Raise InsufficientCapabilitiesError if a request does not acknowledge the IAM resources of its template."""
    makes = [one for one in template["Resources"].values() if IAM_TYPES.fullmatch(str(one.get("Type")))]
    named = any(IAM_NAMES & (one.get("Properties") or {}).keys() for one in makes)
    needed = "CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"
    if makes and not {needed, "CAPABILITY_NAMED_IAM"} & {*given.get("Capabilities", [])}:
        raise InsufficientCapabilitiesError(f"Requires capabilities : [{needed}]")


ACTIONS = MappingProxyType(
    {
        name: action
        for name, action in vars(CloudFormation).items()
        if name in vars(CloudFormationResponse) and name[0] != "_"
    }
)


@contextmanager
def answering(service: CloudFormation) -> Iterator[None]:
    """Make moto's server send CloudFormation's actions to `service`; at the end, wait for its operations."""

    def act(action: Callable[[CloudFormation, Given], Given]) -> Callable[[Any], ActionResult]:
        def answer(response: Any) -> ActionResult:
            with refused():
                return ActionResult(action(service, response.params))

        return answer

    with ExitStack() as stack:
        stack.enter_context(replaced(CloudFormationResponse, "RESPONSE_KEY_PATH_TO_TRANSFORMER", {}))
        for name, action in ACTIONS.items():
            stack.enter_context(replaced(CloudFormationResponse, name, act(action)))
        try:
            yield
        finally:
            service.join()
