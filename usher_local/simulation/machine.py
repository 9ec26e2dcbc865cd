"""Amazon States Language, the part that the template uses: JSONata machines whose tasks are Lambda functions, and maps
over a list or a JSON file.

Semantics: states-language.net and the Step Functions guide, "Handling errors in Step Functions workflows" and
"Transforming data with JSONata". Nothing here reads a clock: an execution is a generator of the seconds to wait.
"""

import functools
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jsonata import Jsonata


class TaskError(Exception):
    """A task failed, with Step Functions' name of the error and its text of the cause."""

    def __init__(self, name: str, cause: str = "") -> None:
        super().__init__(name, cause)
        self.output = {"Error": name, "Cause": cause}


class Ended(NamedTuple):
    """The end of an execution: SUCCEEDED, or FAILED with error and cause as `output`."""

    status: str
    output: Any


Waits = Generator[float, None, Any]
"""A generator of the seconds to wait until the execution continues."""


def _unreadable(bucket: str, key: str) -> Any:
    raise TaskError("States.ItemReaderFailed", f"s3://{bucket}/{key}")


@dataclass
class Machine:
    """One execution of a state machine. `invoke(function, payload)` returns the answer or raises TaskError.

    `read(bucket, key)` returns the content of a JSON file; TaskError if it can't be read.
    """

    definition: Mapping[str, Any]
    invoke: Callable[[str, Any], Any]
    context: Mapping[str, Any]
    read: Callable[[str, str], Any] = _unreadable
    transitions: int = 0
    """The states entered and the retries, as AWS bills them."""
    variables: dict[str, Any] = field(default_factory=dict)

    def run(self) -> Generator[float, None, Ended]:
        """Run to the end."""
        return (yield from self._run(self.context["Execution"]["Input"]))

    def _run(self, data: Any) -> Generator[float, None, Ended]:
        name = self.definition["StartAt"]
        while name:
            state = self.definition["States"][name]
            self.transitions += 1
            if state["Type"] == "Fail":
                failure = {name: state.get(name) for name in ("Error", "Cause")}
                return Ended("FAILED", self._value(failure, {"input": data}))
            try:
                name, data = yield from STEPS[state["Type"]](self, state, data)
            except TaskError as error:
                return Ended("FAILED", error.output)
        return Ended("SUCCEEDED", data)

    def _value(self, template: Any, states: Mapping[str, Any]) -> Any:
        """A template of the definition with its expressions evaluated; `states` is the value of `$states`."""
        if isinstance(template, Mapping):
            return {name: self._value(part, states) for name, part in template.items()}
        if isinstance(template, list):
            return [self._value(part, states) for part in template]
        if isinstance(template, str) and template.startswith("{%"):
            scope = {**self.variables, "states": {"context": self.context, **states}}
            return _expression(template[2:-2]).evaluate(None, scope)
        return template

    def _leave(self, by: Mapping[str, Any], output: Any, **states: Any) -> tuple[str, Any]:
        """The next state and its input, for a state, choice or catcher; the input is `output` without an Output in
        `by`."""
        assigned = self._value(by.get("Assign", {}), states)
        output = self._value(by["Output"], states) if "Output" in by else output
        self.variables |= assigned
        return by.get("Next", ""), output

    def _task(self, state: Mapping[str, Any], data: Any) -> Waits:
        arguments = self._value(state["Arguments"], {"input": data})

        def invoked() -> Waits:
            yield from ()
            return {"Payload": self.invoke(arguments["FunctionName"], arguments["Payload"])}

        return (yield from self._tried(invoked, state, data))

    def _map(self, state: Mapping[str, Any], data: Any) -> Waits:
        return (yield from self._tried(lambda: self._children(state, data), state, data))

    def _children(self, state: Mapping[str, Any], data: Any) -> Waits:
        """Run the iterations of a map, one after the other; the first failure ends it.

        The iterations of a distributed map are executions of their own; those of an inline map see the variables
        outside.
        """
        items, outputs = self._items(state, data), []
        processor = state["ItemProcessor"]
        is_inline = processor.get("ProcessorConfig", {}).get("Mode", "INLINE") == "INLINE"
        for index, item in enumerate(items):
            context = {**self.context, "Map": {"Item": {"Index": index, "Value": item}}}
            selected = {"input": data, "context": context}
            given = self._value(state["ItemSelector"], selected) if "ItemSelector" in state else item
            if is_inline:
                child = Machine(processor, self.invoke, context, self.read, variables=dict(self.variables))
            else:
                execution = {"Execution": {**self.context["Execution"], "Input": given}}
                child = Machine(processor, self.invoke, execution, self.read)
            ended = yield from child._run(given)
            self.transitions += child.transitions
            if ended.status == "FAILED" and is_inline:
                raise TaskError(ended.output["Error"], ended.output["Cause"])
            if ended.status == "FAILED":
                raise TaskError("States.ExceedToleratedFailureThreshold")
            outputs.append(ended.output)
        return outputs

    def _items(self, state: Mapping[str, Any], data: Any) -> Any:
        if "Items" in state:
            return self._value(state["Items"], {"input": data})
        file = self._value(state["ItemReader"]["Arguments"], {"input": data})
        return self.read(file["Bucket"], file["Key"])

    def _tried(self, work: Callable[[], Waits], state: Mapping[str, Any], data: Any) -> Waits:
        """Do a state's work, with its retries, and leave the state."""
        tries = [0] * len(state.get("Retry", ()))
        while True:
            try:
                result = yield from work()
            except TaskError as error:
                seconds = _seconds_to_retry(state, error, tries)
                if seconds is None:
                    return self._catch(state, data, error)
                self.transitions += 1
                yield seconds
            else:
                return self._leave(state, result, input=data, result=result)

    def _catch(self, state: Mapping[str, Any], data: Any, error: TaskError) -> tuple[str, Any]:
        for catcher in state.get("Catch", ()):
            if _concerns(catcher, error):
                return self._leave(catcher, error.output, input=data, errorOutput=error.output)
        raise error

    def _choice(self, state: Mapping[str, Any], data: Any) -> Waits:
        yield from ()
        chosen = (one for one in state["Choices"] if self._value(one["Condition"], {"input": data}) is True)
        return self._leave(next(chosen, {"Next": state["Default"]}), data, input=data)

    def _wait(self, state: Mapping[str, Any], data: Any) -> Waits:
        yield self._value(state["Seconds"], {"input": data})
        return self._leave(state, data, input=data)

    def _pass(self, state: Mapping[str, Any], data: Any) -> Waits:
        yield from ()
        return self._leave(state, data, input=data)


STEPS: Mapping[str, Callable[[Machine, Mapping[str, Any], Any], Waits]] = {
    "Task": Machine._task,
    "Map": Machine._map,
    "Choice": Machine._choice,
    "Wait": Machine._wait,
    "Pass": Machine._pass,
    "Succeed": Machine._pass,
}


def _seconds_to_retry(state: Mapping[str, Any], error: TaskError, tries: list[int]) -> float | None:
    """The seconds until a failed task is retried, with the largest jitter; None if it is not retried."""
    for index, retrier in enumerate(state.get("Retry", ())):
        if _concerns(retrier, error):
            tries[index] += 1
            if tries[index] > retrier.get("MaxAttempts", 3):
                return None
            seconds = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2) ** (tries[index] - 1)
            return float(min(seconds, retrier.get("MaxDelaySeconds", seconds)))
    return None


def _concerns(step: Mapping[str, Any], error: TaskError) -> bool:
    """Whether a retrier or a catcher matches an error."""
    name = error.output["Error"]
    names = {name, "States.ALL", "" if name == "States.Timeout" else "States.TaskFailed"}
    return not names.isdisjoint(step["ErrorEquals"])


@functools.cache
def _expression(text: str) -> Jsonata:
    return Jsonata(text)
