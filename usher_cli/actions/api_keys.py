"""Actions on API keys: create, rotate and revoke."""

from collections.abc import Sequence
from datetime import timedelta

from usher.errors import UsherError

from usher_cli.actions.action import Action, Done, PlanView, Progress, in_sentences
from usher_cli.deployed_stack import DeployedStack

OFF = "The API takes keys once the stack is deployed with ApiKeys=ENABLED."
ONCE = "The new key is shown only once."


def create(stack: DeployedStack, group: str, name: str, routes: Sequence[str], per_minute: int | None) -> Action:
    """Create a key for some routes. `per_minute`: the most requests in a minute; None: no limit but the API's."""

    def plan() -> PlanView:
        limit = f", {per_minute} times a minute at most" if per_minute else ""
        return in_sentences(f"The key allows {', '.join(routes)} of {group}{limit}. {ONCE}", _why_no_keys(stack))

    def carry_out(_: Progress) -> Done:
        if group not in stack.serving.groups():
            raise UsherError(f"No run of {group} has succeeded yet. See why: usher status {group}.")
        return Done(_why_no_keys(stack), secret=stack.keys.create(group, name, routes, per_minute))

    return Action(f"Make the key {name}", plan, carry_out)


def rotate(stack: DeployedStack, group: str, key: str, days: int) -> Action:
    """Give a key a new secret; the former one stays valid for some days."""
    ends = f"The old key expires {f'in {days} days' if days else 'within a minute'}."
    return Action(
        f"Give {key} a new secret",
        lambda: in_sentences(f"{_name(stack, group, key)} gets a new secret. {ends} {ONCE}"),
        lambda _: Done(ends, secret=stack.keys.rotate(group, key, timedelta(days=days))),
    )


def revoke(stack: DeployedStack, group: str, key: str) -> Action:
    """Revoke a key."""

    def carry_out(_: Progress) -> Done:
        stack.keys.revoke(group, key)
        return Done(f"{key} is revoked. It stops working within a minute.")

    return Action(
        f"Revoke {key}",
        lambda: in_sentences(f"{_name(stack, group, key)} stops working within a minute."),
        carry_out,
    )


def _why_no_keys(stack: DeployedStack) -> str:
    """The reason why the API takes no keys; empty if it does."""
    return "" if "KeyApiUrl" in stack.outputs else OFF


def _name(stack: DeployedStack, group: str, key: str) -> str:
    """The name of a key. Raises UsherError if there is none."""
    found = stack.keys.get(group, key)
    return f"The key {key} ({found.name})"
