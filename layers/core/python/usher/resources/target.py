"""Where a plan is for: the group, the run, and what the stack gives it to work with."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """Where a plan is for."""

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
    """arn:aws:cloudformation:<region>:<account>:stack/<name>/<id>: what the tag of everything that it makes says."""
    export_schedule: str = ""
    """When the stack makes the exports that have no schedule of their own; empty: never."""

    @classmethod
    def from_env(cls, group: str, run: str, environ: Mapping[str, str]) -> "Target":
        """As the template sets it."""
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
            environ.get("EXPORT_SCHEDULE", ""),  # a stack that was deployed before it had one
        )
