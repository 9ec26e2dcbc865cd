"""The checks of a deployed stack; each is a row of `CHECKS`."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import product
from typing import Any

import boto3
from botocore.exceptions import ClientError
from usher.aws import client, error_code
from usher.errors import InputError
from usher.resources.kinds import KINDS
from usher.resources.quotas import account_quotas, quota_of
from usher.storage.layout import DATASETS, is_input

from usher_cli.doctor.examination import Check, Deployment, ProblemError, UnknownError, require
from usher_cli.doctor.policies import allows, services, statements_of, values_of

OUTPUTS = ("BucketName", "ApiUrl", "TableName", "PipelineArn", "ExportArn", "EvaluationArn", "TopicArn")
PERSONALIZE = "personalize.amazonaws.com"
RIGHTS = ("s3:GetObject", "s3:ListBucket", "s3:PutObject")
SKEW_SECONDS = 60
"""The most seconds between the two clocks, well below the five minutes after which AWS refuses signatures."""


def stack_is_complete(deployment: Deployment) -> str:
    """The stack exists, and its last change went through."""
    (stack,) = client("cloudformation").describe_stacks(StackName=deployment.stack.name)["Stacks"]
    status = str(stack["StackStatus"])
    good = status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
    return require([] if good else [f"{status} {stack.get('StackStatusReason', '')}".strip()], status)


def outputs_exist(deployment: Deployment) -> str:
    """The stack has the outputs that this version's commands use."""
    missing = [name for name in OUTPUTS if name not in deployment.stack.outputs]
    return require([f"{name} is missing" for name in missing], ", ".join(OUTPUTS))


def region_has_personalize(deployment: Deployment) -> str:
    """Personalize exists in the stack's region, by botocore's list."""
    _, partition, _, region, _, _ = deployment.stack.outputs["PipelineArn"].split(":", 5)
    known = boto3.Session().get_available_regions("personalize", partition)
    return require([] if region in known else [f"Personalize is not in {region}, but in {', '.join(known)}"], region)


def bucket_policy_lets_personalize_in(deployment: Deployment) -> str:
    """The bucket's policy allows Personalize to list, read and write, and no other principal to write below `out/`."""
    try:
        text = client("s3").get_bucket_policy(Bucket=deployment.stack.outputs["BucketName"])["Policy"]
    except ClientError as error:
        if error_code(error) == "NoSuchBucketPolicy":
            raise ProblemError("the bucket has no policy") from error
        raise
    policy = statements_of(text)
    statements = [one for one in policy if PERSONALIZE in services(one) and one["Effect"] == "Allow"]
    missing = [right for right in RIGHTS if not any(allows(one, right) for one in statements)]
    problems = [f"{right} is not allowed to {PERSONALIZE}" for right in missing]
    if not any(one["Effect"] == "Deny" and "/out/" in str(one["Resource"]) for one in policy):
        problems.append("it does not deny writing below out/ to others")
    return require(problems, ", ".join(RIGHTS))


def role_trusts_personalize(deployment: Deployment) -> str:
    """Personalize may assume its role, for this account."""
    role = client("iam").get_role(RoleName=deployment.physical_id_of("PersonalizeRole"))["Role"]
    trusting = [one for one in statements_of(role["AssumeRolePolicyDocument"]) if PERSONALIZE in services(one)]
    if not any(allows(one, "sts:AssumeRole") for one in trusting):
        raise ProblemError(f"{role['RoleName']} does not let {PERSONALIZE} assume it")
    accounts = [value for one in trusting for value in values_of(one, "aws:SourceAccount")]
    wrong = [account for account in accounts if account != deployment.account]
    return require([f"it trusts account {account} instead of {deployment.account}" for account in wrong], PERSONALIZE)


def role_has_its_rights(deployment: Deployment) -> str:
    """The policies of Personalize's role allow its work with the bucket."""
    iam, role = client("iam"), deployment.physical_id_of("PersonalizeRole")
    pages = iam.get_paginator("list_role_policies").paginate(RoleName=role)
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for page in pages
        for name in page["PolicyNames"]
    ]
    statements = [one for document in documents for one in statements_of(document) if one["Effect"] == "Allow"]
    missing = [right for right in RIGHTS if not any(allows(one, right) for one in statements)]
    return require([f"{right} is not allowed" for right in missing], ", ".join(RIGHTS))


def simulation_allows_it(deployment: Deployment) -> str:
    """IAM's own simulation allows the same, including further restrictions of the role."""
    iam = client("iam")
    role = iam.get_role(RoleName=deployment.physical_id_of("PersonalizeRole"))["Role"]["Arn"]
    bucket = deployment.bucket_arn
    resources = {
        "s3:GetObject": f"{bucket}/a/interactions.csv",
        "s3:ListBucket": bucket,
        "s3:PutObject": f"{bucket}/a/out/batch/x",
    }
    denied = []
    for action, arn in resources.items():
        response = iam.simulate_principal_policy(PolicySourceArn=role, ActionNames=[action], ResourceArns=[arn])
        denied += [
            f"{action} on {arn}: {one['EvalDecision']}"
            for one in response["EvaluationResults"]
            if one["EvalDecision"] != "allowed"
        ]
    return require(denied, ", ".join(resources))


def rules_match_input_files(deployment: Deployment) -> str:
    """EventBridge's rules start a run for every key that is read."""
    events, bucket = client("events"), deployment.stack.outputs["BucketName"]
    patterns = [json.loads(one["EventPattern"]) for one in rules(deployment) if "EventPattern" in one]
    drops = [json.dumps(one) for one in patterns if one.get("source") == ["aws.s3"]]
    if not drops:
        raise ProblemError("the stack has no rule for files that are dropped")
    wrong = []
    for key in KEYS:
        event = json.dumps(dropped(bucket, key, deployment.account, events.meta.region_name))
        matched = any(events.test_event_pattern(EventPattern=pattern, Event=event).get("Result") for pattern in drops)
        if is_input(key) and not matched:
            wrong.append(f"{key} starts no run")
    return require(wrong, f"{sum(map(is_input, KEYS))} kinds of keys")


def targets_exist(deployment: Deployment) -> str:
    """The targets of the stack's rules exist, and the rules are enabled."""
    events = client("events")
    problems = [f"{one['Name']} is {one['State']}" for one in rules(deployment) if one["State"] != "ENABLED"]
    count = 0
    for one in rules(deployment):
        targets = [target["Arn"] for target in events.list_targets_by_rule(Rule=one["Name"])["Targets"]]
        problems += [] if targets else [f"{one['Name']} has no target"]
        problems += [f"{arn}, target of {one['Name']}, does not exist" for arn in targets if not exists(arn)]
        count += len(targets)
    return require(problems, f"{count} targets")


def aliases_point_to_the_newest_code(deployment: Deployment) -> str:
    """The API's functions serve the newest code and layers."""
    functions = client("lambda")
    problems, names = [], []
    for function, alias in aliases(deployment):
        live = functions.get_function_configuration(FunctionName=function, Qualifier=alias)
        latest = functions.get_function_configuration(FunctionName=function)
        same = [live.get("CodeSha256") == latest.get("CodeSha256"), layers(live) == layers(latest)]
        problems += (
            [] if all(same) else [f"{function}:{alias} is version {live['Version']}, older than the deployed code"]
        )
        names.append(f"{alias} of {function}: {live['Version']}")
    if not names:
        raise ProblemError("the stack has no alias")
    return require(problems, ", ".join(names))


def no_version_is_left(deployment: Deployment) -> str:
    """No unused version keeps a snapshot, which costs money."""
    functions, left = client("lambda"), []
    for function, alias in aliases(deployment):
        live = functions.get_alias(FunctionName=function, Name=alias)["FunctionVersion"]
        pages = functions.get_paginator("list_versions_by_function").paginate(FunctionName=function)
        left += [
            f"{function}:{one['Version']}"
            for page in pages
            for one in page["Versions"]
            if one["Version"] not in ("$LATEST", live)
            and one.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions"
        ]
    return require([f"{one} is left" for one in left], "none")


def account_runs_enough_functions(deployment: Deployment) -> str:
    """The account may run more functions at once than a large check or export starts."""
    if "MapConcurrency" not in deployment.stack.parameters:
        raise UnknownError("the stack has no parameter MapConcurrency")
    concurrency = int(deployment.stack.parameters["MapConcurrency"])
    limit = client("lambda").get_account_settings()["AccountLimit"]
    allowed = int(limit.get("UnreservedConcurrentExecutions", limit["ConcurrentExecutions"]))
    details = f"{allowed} at once, of which a check of large data uses {concurrency} (MapConcurrency)"
    return require([details] if allowed <= concurrency else [], details)


def quotas_have_room(deployment: Deployment) -> str:
    """Personalize's quotas have room for existing resources, and for those that a group's config adds."""
    quotas = account_quotas(client("service-quotas"))
    try:
        existing, added = deployment.counted()
    except InputError as error:
        raise ProblemError(str(error)) from error
    source = "" if quotas else " by default"
    return ", ".join(
        f"{kind.words} {existing[kind.name]}+{added[kind.name]} of {quota_of(kind, quotas)}{source}"
        for kind in KINDS.values()
        if kind.quota and (deployment.group or not kind.in_dataset_group)
    )


def clocks_agree(deployment: Deployment) -> str:
    """This machine's clock agrees with that of AWS."""
    headers = client("sts").get_caller_identity()["ResponseMetadata"]["HTTPHeaders"]
    if "date" not in headers:
        raise UnknownError("the response has no Date header")
    skew = abs((deployment.clock() - parsedate_to_datetime(headers["date"])).total_seconds())
    return require([f"{skew:.0f} s apart"] if skew > SKEW_SECONDS else [], f"{skew:.0f} s apart")


def services_are_healthy(deployment: Deployment) -> str:
    """AWS Health has no event of the services that the stack uses."""
    region = deployment.stack.outputs["PipelineArn"].split(":")[3]
    event_filter = {
        "services": ["PERSONALIZE", "LAMBDA", "STATES", "EVENTS", "S3", "DYNAMODB", "APIGATEWAY"],
        "regions": [region],
        "eventStatusCodes": ["open", "upcoming"],
    }
    events = client("health").describe_events(filter=event_filter)["events"]
    return require([f"{one['service']}: {one['eventTypeCode']} ({one['statusCode']})" for one in events], "no events")


def no_event_was_lost(deployment: Deployment) -> str:
    """EventBridge, the schedules, and the functions Keep and Watch have delivered everything."""
    return _is_empty(deployment, "DeadLetterQueue")


def no_event_was_refused(deployment: Deployment) -> str:
    """There are no events that Personalize has refused for good."""
    return _is_empty(deployment, "RefusedEvents")


def _is_empty(deployment: Deployment, queue: str) -> str:
    """The details of an empty queue. Raises ProblemError if it has messages.

    Messages in the queues Kept and Pending are on their way, and no faults.
    """
    url = deployment.physical_id_of(queue)
    found = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    number = int(found["Attributes"]["ApproximateNumberOfMessages"])
    return require([f"{number} in {url.rpartition('/')[2]}"] if number else [], "none")


def no_alarm_is_on(deployment: Deployment) -> str:
    """None of the stack's alarms is in ALARM."""
    names = deployment.resources.get("AWS::CloudWatch::Alarm", [])
    pages = client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNames=names)
    alarms = [one for page in pages for one in page["MetricAlarms"]]
    on = [f"{one['AlarmName']}: {one['StateReason']}" for one in alarms if one["StateValue"] == "ALARM"]
    off = [f"{one['AlarmName']} has its actions disabled" for one in alarms if not one.get("ActionsEnabled", True)]
    gone = sorted(set(names) - {one["AlarmName"] for one in alarms})
    return require([*on, *off, *(f"{name} does not exist" for name in gone)], f"{len(alarms)} alarms")


def subscriptions_are_confirmed(deployment: Deployment) -> str:
    """The subscribers of notifications have confirmed."""
    topic = deployment.stack.outputs["TopicArn"]
    subscriptions = client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    waiting = [one["Endpoint"] for one in subscriptions if one["SubscriptionArn"] == "PendingConfirmation"]
    details = f"{len(subscriptions)} subscriptions" if subscriptions else "the topic has no subscribers"
    return require([f"{one} has not confirmed" for one in waiting], details)


CHECKS = (
    Check("stack", "CloudFormation: DescribeStacks", stack_is_complete,
          "See its events in CloudFormation, then deploy again; after ROLLBACK_COMPLETE delete it first."),
    Check("outputs", "CloudFormation: DescribeStacks", outputs_exist,
          "Deploy this version: make build, sam deploy."),
    Check("region", "none", region_has_personalize,
          "Delete the stack, and deploy it in a region that has Personalize."),
    Check("bucket policy", "S3: GetBucketPolicy", bucket_policy_lets_personalize_in,
          "The policy was changed. Deploy again after a change to it, or restore BucketPolicy of template.yaml."),
    Check("role's trust", "IAM: GetRole", role_trusts_personalize,
          "Restore the trust policy of PersonalizeRole in template.yaml."),
    Check("role's rights", "IAM: ListRolePolicies, GetRolePolicy", role_has_its_rights,
          "Restore the policy Data of PersonalizeRole in template.yaml."),
    Check("role, simulated", "IAM: SimulatePrincipalPolicy", simulation_allows_it,
          "A permission boundary or an organisation's policy denies it; ask the account's administrator."),
    Check("rules", "EventBridge: DescribeRule, TestEventPattern", rules_match_input_files,
          "Deploy this version, whose rules cover these keys."),
    Check("targets", "EventBridge: ListTargetsByRule; DescribeStateMachine, GetFunctionConfiguration", targets_exist,
          "Enable the rule, or deploy again: CloudFormation's drift detection names the changes."),
    Check("aliases", "Lambda: GetFunctionConfiguration", aliases_point_to_the_newest_code,
          "Deploy again. If it stays, point the alias to the newest version: aws lambda update-alias."),
    Check("versions", "Lambda: GetAlias, ListVersionsByFunction", no_version_is_left,
          "Delete them: aws lambda delete-function --function-name <name> --qualifier <version>."),
    Check("concurrency", "CloudFormation: DescribeStacks; Lambda: GetAccountSettings", account_runs_enough_functions,
          "Deploy with a lower MapConcurrency, or ask for more in Service Quotas: Lambda, Concurrent executions."),
    Check("quotas", "Service Quotas: ListServiceQuotas; Personalize: List...", quotas_have_room,
          "Delete unused resources, or request more in Service Quotas: Amazon Personalize."),
    Check("clock", "STS: GetCallerIdentity", clocks_agree,
          "Set this machine's clock; AWS refuses signatures that are five minutes off."),
    Check("service health", "Health: DescribeEvents", services_are_healthy,
          "Read the event in the AWS Health Dashboard."),
    Check("lost events", "SQS: GetQueueAttributes", no_event_was_lost,
          "Read the messages, repeat what they name, then purge the queue: docs/operations.md#lost-events."),
    Check("refused events", "SQS: GetQueueAttributes", no_event_was_refused,
          "Read the reasons, fix them, and send the events again: docs/operations.md#waiting-and-refused-events."),
    Check("alarms", "CloudWatch: DescribeAlarms", no_alarm_is_on,
          "The alarm's description has its meaning and the remedy; usher status shows the runs."),
    Check("notifications", "SNS: ListSubscriptionsByTopic", subscriptions_are_confirmed,
          "Confirm the mail that SNS has sent; after three days, deploy with NotifyEmail once more."),
)  # fmt: skip


KEYS = tuple(
    f"{folder}{name}"
    for folder, name in product(
        ("films/", "train/films/"),
        (
            *(f"{dataset}.csv" for dataset in DATASETS),
            *(f"{dataset}/part.csv" for dataset in DATASETS),
            *(f"{dataset}/incremental/day.csv" for dataset in DATASETS),
            "usher.yaml",
            "usher.json",
            "config.json",
            "export/top/users.jsonl",
            "batch/users.jsonl",
            "segments/items.jsonl",
        ),
    )
)
"""A key of every kind of file that may be dropped; `is_input` decides which are read."""


def dropped(bucket: str, key: str, account: str, region: str) -> dict[str, Any]:
    """The event of a dropped file, with the members that TestEventPattern requires."""
    return {
        "id": "1",
        "version": "0",
        "account": account,
        "region": region,
        "time": datetime(2026, 1, 1, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "source": "aws.s3",
        "detail-type": "Object Created",
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {"bucket": {"name": bucket}, "object": {"key": key}},
    }


def rules(deployment: Deployment) -> list[Mapping[str, Any]]:
    """The stack's rules of EventBridge."""
    names = deployment.resources.get("AWS::Events::Rule", [])
    return [client("events").describe_rule(Name=name.rpartition("/")[2]) for name in names]


def exists(arn: str) -> bool:
    """Whether a state machine or a function exists. Raises UnknownError for an ARN of another kind."""
    service = arn.split(":")[2]
    try:
        if service == "states":
            client("stepfunctions").describe_state_machine(stateMachineArn=arn)
        elif service == "lambda":
            client("lambda").get_function_configuration(FunctionName=arn)
        else:
            raise UnknownError(f"{arn} is neither a function nor a state machine")
    except ClientError as error:
        if error_code(error) in ("ResourceNotFoundException", "StateMachineDoesNotExist"):
            return False
        raise
    return True


def aliases(deployment: Deployment) -> list[tuple[str, str]]:
    """The function and alias of each alias of the stack."""
    arns = deployment.resources.get("AWS::Lambda::Alias", [])
    return [(arn.split(":")[-2], arn.split(":")[-1]) for arn in arns]


def layers(configuration: Mapping[str, Any]) -> list[str]:
    """The ARNs of a function's layers."""
    return [one["Arn"] for one in configuration.get("Layers", [])]
