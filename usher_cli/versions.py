"""Versions of solutions, and which one serves."""

from usher.aws import client
from usher.errors import UsherError
from usher.planning.promotions_and_rollbacks import choose_version
from usher.resources.versions import usable_versions

from usher_cli.deployed_stack import DeployedStack
from usher_cli.output import Output


def serve(stack: DeployedStack, group: str, solution: str, version: str, why: str, output: Output) -> int:
    """Start a run that lets a version serve. `version`: an ARN, `latest` or `previous`."""
    if group not in stack.serving.groups():
        known = ", ".join(stack.serving.groups()) or "none yet"
        raise UsherError(f"{group} serves nothing yet. Groups that serve: {known}.")
    solutions = stack.serving.read(group)["solutions"]
    if solution not in solutions:
        raise UsherError(f"{group} serves no solution {solution}; it serves: {', '.join(solutions)}.")
    of = solutions[solution]["solutionVersionArn"]
    versions = usable_versions(stack.clients["personalize"], of.rpartition("/")[0])
    if not choose_version(version, versions, of):
        known = ", ".join(versions) or "none"
        raise UsherError(f"{solution} has no version {version} to serve; available: {known}.")
    who = client("sts").get_caller_identity()["Arn"]
    execution = stack.start(group=group, solution=solution, version=version, who=who, why=why)
    said = f"Started {execution}\nTo follow it: usher status {group}"
    output.document({"group": group, "execution": execution}, lambda *_: output.say(said))
    return 0
