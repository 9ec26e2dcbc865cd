"""The target of a plan: the group, the run, and the stack's settings."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a plan."""

    group: str
    run: str
    arn_prefix: str
    """arn:aws:personalize:<region>:<account>"""
    role_arn: str
    bucket_url: str = ""
    """s3://<bucket>/"""
    pipeline_arn: str = ""
    export_arn: str = ""
    schedule_group: str = ""
    schedule_role_arn: str = ""
    stack_arn: str = ""
    """arn:aws:cloudformation:<region>:<account>:stack/<name>/<id>: the value of the tag of all created resources."""
    export_schedule: str = ""
    """The stack's schedule of exports without one of their own; empty: never."""

    @classmethod
    def from_env(cls, group: str, run: str, environ: Mapping[str, str]) -> "Target":
        """The target that the template's variables describe."""
        return cls(
            group,
            run,
            environ["PERSONALIZE_ARN_PREFIX"],
            environ["PERSONALIZE_ROLE_ARN"],
            f"s3://{environ['BUCKET_NAME']}/",
            environ["PIPELINE_ARN"],
            environ["EXPORT_ARN"],
            environ["SCHEDULE_GROUP"],
            environ["SCHEDULE_ROLE_ARN"],
            environ["STACK_ARN"],
            environ.get("EXPORT_SCHEDULE", ""),  # older stacks do not set it
        )
